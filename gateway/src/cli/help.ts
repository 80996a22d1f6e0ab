/**
 * The texts of `siegel help` and `siegel VERB --help`, made from the table of verbs. Pure.
 */
import { VERBS, type Verb } from './verbs.ts'

/** The list of verbs. */
export function overview(): string[] {
  const width = Math.max(...VERBS.map((verb) => verb.name.length))
  return [
    'siegel: S/MIME gateway for Microsoft 365',
    '',
    'usage: siegel VERB …',
    '',
    ...VERBS.map((verb) => `  ${verb.name.padEnd(width)}  ${verb.summary}`),
    `  ${'help'.padEnd(width)}  this list, or help VERB`,
    `  ${'version'.padEnd(width)}  the version`,
    '',
    'Exit codes: 0 yes, 1 no (a negative verdict), 2 usage or I/O.',
  ]
}

/** The help of one verb. */
export function verbHelp(verb: Verb): string[] {
  return [
    `siegel ${verb.name}: ${verb.summary}`,
    '',
    ...verb.forms.map((form, index) => `${index === 0 ? 'usage:' : '      '} siegel ${form}`),
    ...(verb.details.length === 0 ? [] : ['', ...verb.details]),
  ]
}

/** All of it as a page for docs/reference/command.md. */
export function commandReference(): string {
  const verbs = VERBS.map((verb) => {
    const [, , ...rest] = verbHelp(verb)
    return `## ${verb.name}\n\n${verb.summary}\n\n\`\`\`\n${rest.join('\n')}\n\`\`\``
  })
  const head = '# The command\n\nThis page is generated from the table of verbs; do not edit it.'
  return `${[head, `\`\`\`\n${overview().join('\n')}\n\`\`\``, ...verbs].join('\n\n')}\n`
}
