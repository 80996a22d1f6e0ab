// The generated page names every field, kind, variable and error code.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONFIG_ERRORS, KINDS } from '@siegel/contract'
import { environmentSettings } from './environment.ts'
import { configurationReference } from './reference.ts'

test('the page is complete', () => {
  const page = configurationReference()
  for (const kind of Object.keys(KINDS)) assert.ok(page.includes(`\n### ${kind}\n`), kind)
  for (const { variable, path } of environmentSettings()) {
    assert.ok(page.includes(`\`${variable}\``), variable)
    assert.ok(page.includes(`\`${path.join('.')}`), path.join('.'))
  }
  for (const code of Object.keys(CONFIG_ERRORS)) assert.ok(page.includes(`\`${code}\``), code)
})

test('every row of a table has five cells with a meaning, or two', () => {
  const page = configurationReference()
  for (const line of page.split('\n').filter((text) => text.startsWith('| '))) {
    const cells = line.split(/(?<!\\)\|/).slice(1, -1)
    assert.ok(cells.length === 5 || cells.length === 2, line)
    assert.notEqual(cells.at(-1)?.trim(), '', line)
  }
})
