// Onboarding mode begins and ends by its times alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onboardingPhase } from './onboarding.ts'

test('it is on from its start until before its end, and its end is remembered for a day', () => {
  const onboarding = { startedAt: 1000, endsAt: 5000 }
  const at = (now: number) => onboardingPhase({ onboarding }, now)
  assert.deepEqual([999, 1000, 4999, 5000].map(at), ['off', 'on', 'on', 'ended'])
  assert.deepEqual([5000 + 86_399_999, 5000 + 86_400_000].map(at), ['ended', 'off'])
  assert.equal(onboardingPhase({ onboarding: null }, 2000), 'off')
})
