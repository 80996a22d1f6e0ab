/**
 * Reads the CRLs and OCSP responses that a command is given. A damaged one can only be missed, never believed by mistake: it
 * is named on standard error and left out. Fetches nothing.
 */
import { EngineError, parseOcspResponse, readCrls, type Crl, type OcspResponse } from '@siegel/engine'
import { readMany, type Io } from './io.ts'

/** Reads --crl: PEM with any number, DER, or folders of such files. @throws UsageError when a file cannot be read */
export async function readCrlArguments(paths: readonly string[] | undefined, io: Io): Promise<Crl[]> {
  const crls: Crl[] = []
  for (const name of paths ?? [])
    for (const bytes of await readMany(name, io)) {
      const refuse = (error: EngineError): void => {
        io.err(`${name}: a CRL is left out: ${error.message}`)
      }
      try {
        crls.push(...readCrls(bytes, refuse))
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        refuse(error)
      }
    }
  return crls
}

/** Reads --ocsp: one response for each file, or folders of them. @throws UsageError when a file cannot be read */
export async function readOcspArguments(
  paths: readonly string[] | undefined,
  io: Io,
): Promise<OcspResponse[]> {
  const responses: OcspResponse[] = []
  for (const name of paths ?? [])
    for (const bytes of await readMany(name, io)) {
      try {
        responses.push(parseOcspResponse(bytes))
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        io.err(`${name}: an OCSP response is left out: ${error.message}`)
      }
    }
  return responses
}
