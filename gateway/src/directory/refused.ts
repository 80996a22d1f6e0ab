/** That a directory cannot be taken from what was given; the one before stays. Permanent: the operator must give something else. */
export class DirectoryRefused extends Error {
  override readonly name = 'DirectoryRefused'
  /** Stable code. */
  readonly code: string
  readonly arguments: Readonly<Record<string, string | number>>

  /**
   * @param code - stable
   * @param args - without addresses
   */
  constructor(code: string, args: Readonly<Record<string, string | number>>) {
    super(code)
    this.code = code
    this.arguments = args
  }
}
