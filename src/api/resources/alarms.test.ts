import { expect, test } from 'vitest'
import { sampleAccept } from '../../../test/contracts/samples.ts'
import { testApp, testToken } from '../../../test/fakes/test-app.ts'
import { testDeps, testSettings } from '../../../test/fakes/test-deps.ts'
import { end, raise } from '../../core/alarms/lifecycle.ts'
import type { OutboundAnswer } from '../../core/deps.ts'
import type { PlannedMessage } from '../../core/messages/message.ts'

async function operated() {
  const deps = testDeps({
    settings: {
      ...testSettings,
      alarms: {
        ...testSettings.alarms,
        webhook: { url: 'https://hooks.example/x', secret: 'whsec_c2VjcmV0' },
        mailTo: ['ops@elsewhere.example'],
      },
    },
  })
  const answers: OutboundAnswer[] = []
  deps.outbound = { request: async () => answers.shift() ?? { kind: 'failed', fault: 'ECONNREFUSED' } }
  const app = await testApp({ deps })
  const call = async (path: string, method = 'GET') => {
    const headers = { authorization: `Bearer ${testToken}` }
    const answer = await app.request(`/api/v1${path}`, { method, headers })
    return { status: answer.status, body: await answer.json() }
  }
  return { deps, answers, call, request: app.request }
}

test('alarms are listed while they last, in the reader’s language; those that are over on demand', async () => {
  const { deps, call } = await operated()
  const facts = { recipient: 'office@example.jp', reference: 'ABC', class: 'unknown-user' }
  await raise(deps, { key: 'a', kind: 'notification-failed', form: 'contact', since: deps.clock.now(), facts })
  await raise(deps, { key: 'b', kind: 'queue-stuck', form: null, since: deps.clock.now(), facts: {} })
  await end(deps, 'b', deps.clock.now())
  expect((await call('/alarms')).body).toMatchObject({
    items: [{ key: 'a', form: 'contact', reference: 'ABC', overAt: null, told: 0 }],
  })
  const { body } = await call('/alarms?language=ja')
  expect(body.items[0].sentence).toContain('届けられませんでした')
  expect((await call('/alarms?all=true')).body.items).toHaveLength(2)
  expect((await call('/alarms?limit=0')).status).toBe(400)
})

test('the ways of alarms are tested', async () => {
  const { deps, answers, call } = await operated()
  answers.push({ kind: 'answered', status: 204, body: '' })
  expect((await call('/alarms/test', 'POST')).body).toEqual({
    webhook: { ok: true, fault: null },
    mailTo: ['ops@elsewhere.example'],
  })
  expect((await call('/alarms/test', 'POST')).body).toMatchObject({ webhook: { ok: false, fault: 'ECONNREFUSED' } })
  expect((await deps.messages.list({ role: 'alarm', limit: 10 })).items).toHaveLength(2)
})

test('a form is tested at its public address', async () => {
  const { answers, call } = await operated()
  answers.push({ kind: 'answered', status: 200, body: '{"reference":"KQ7-M2D-XH4"}' })
  expect((await call('/forms/contact/test', 'POST')).body).toEqual({ reference: 'KQ7-M2D-XH4', fault: null })
  expect((await call('/forms/contact/test', 'POST')).body).toEqual({ reference: null, fault: 'ECONNREFUSED' })
  expect((await call('/forms/none/test', 'POST')).status).toBe(404)
})

test('what became of a test is told as the core sees it', async () => {
  const { deps, call } = await operated()
  const state: PlannedMessage['state'] = { name: 'delivered', since: 1, event: 'e' }
  await deps.submissions.accept(sampleAccept({ reference: 'KQ7-M2D-XH4' }, [{ role: 'notification', state }]))
  expect((await call('/forms/contact/test/kq7m2dxh4')).body).toEqual({ fate: 'arrived', step: null })
  await deps.submissions.accept(sampleAccept({ reference: 'KQ7-M2D-XH5' }, [{ role: 'notification' }]))
  expect((await call('/forms/contact/test/KQ7-M2D-XH5')).body).toEqual({ fate: 'waiting', step: 'queued' })
  for (const none of ['KQ7-M2D-XH6', 'no-reference'])
    expect((await call(`/forms/contact/test/${none}`)).body).toEqual({ fate: 'elsewhere', step: null })
})

test('all of it is for operators only', async () => {
  const { request } = await operated()
  for (const [path, method] of [
    ['/alarms', 'GET'],
    ['/alarms/test', 'POST'],
    ['/forms/contact/test', 'POST'],
    ['/forms/contact/test/KQ7-M2D-XH4', 'GET'],
  ] as const)
    expect((await request(`/api/v1${path}`, { method })).status).toBe(401)
})
