// Row keys: they look like mail ids, sort by time, and their time part bounds the ids of mails.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isMailId, newMailId, timeOf } from '../mail/id.ts'
import { idTimePrefix, newRowId } from './row-id.ts'

it('a row key is a UUIDv7 with its time', () => {
  const now = Date.UTC(2026, 10, 24)
  const id = newRowId(now)
  assert.ok(isMailId(id))
  assert.equal(timeOf(id), now)
  assert.notEqual(newRowId(now), id)
  assert.ok(newRowId(now + 1) > id)
})

it('the time part of a mail id is a lower bound of all later ids', () => {
  const now = Date.now()
  const id = newMailId(now)
  assert.ok(id > idTimePrefix(now))
  assert.ok(id < idTimePrefix(now + 1))
  assert.equal(idTimePrefix(-5), '0000000000')
})
