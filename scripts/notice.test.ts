import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { notice } from './notice.ts'

const lock = (packages: object) => JSON.stringify({ packages: { '': {}, engine: {}, ...packages } })

describe('NOTICE', () => {
  it('names what a release ships, and no tool of development', () => {
    const text = notice(
      lock({
        'node_modules/zod': { version: '4.0.0', license: 'MIT' },
        'node_modules/eslint': { version: '10.0.0', license: 'MIT', dev: true },
        'node_modules/@siegel/engine': { link: true },
        'node_modules/pino/node_modules/split2': { version: '1.0.0', license: 'ISC' },
      }),
    )
    assert.match(text, /^split2 1\.0\.0: ISC\nzod 4\.0\.0: MIT$/m)
    assert.doesNotMatch(text, /eslint|engine/)
  })

  it('refuses a licence that must not be shipped, or none', () => {
    assert.throws(
      () => notice(lock({ 'node_modules/bad': { version: '1.0.0', license: 'AGPL-3.0' } })),
      /bad: AGPL-3\.0/,
    )
    assert.throws(() => notice(lock({ 'node_modules/mute': { version: '1.0.0' } })), /mute: none stated/)
  })
})
