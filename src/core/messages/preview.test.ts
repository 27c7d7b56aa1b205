import { describe, expect, test } from 'vitest'
import { sampleAccept } from '../../../test/contracts/samples.ts'
import { contactPage, testApp, testToken } from '../../../test/fakes/test-app.ts'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import type { FormRecord } from '../forms/form.ts'
import { composeMessage } from './compose.ts'
import { previewMail } from './preview.ts'

async function contact(settings: FormRecord['settings'] = {}) {
  const app = await testApp({ page: contactPage })
  const form = await app.deps.forms.get('contact')
  if (form === null) throw new Error('there is no form')
  return { ...app, form: { ...form, settings } }
}

describe('a preview', () => {
  test('is the very mail that goes out for the submission', async () => {
    const settings = { notification: { subject: 'Lead {{ fields.name }}', body: 'Hi\n\n{% fields %}' } }
    const { deps, form, post, stored } = await contact(settings)
    await post({ name: '花子', email: 'hanako@example.net', message: 'hi' })
    const [submission] = await stored()
    if (submission === undefined) throw new Error('nothing was stored')
    const { mail, posted } = await previewMail(deps, form, { role: 'notification', language: null, submission })
    expect(posted).toBe(true)
    const [, notification] = await deps.messages.ofSubmission(submission.id)
    if (notification === undefined) throw new Error('no mail was planned')
    const real = new TextDecoder().decode((await composeMessage(deps, notification, form, submission)).mail)
    expect(mail.subject).toBe('Lead 花子')
    expect(mail.to).toBe(notification.recipient)
    for (const line of mail.text.split('\r\n')) if (/^[ -~]{3,}$/.test(line)) expect(real).toContain(line)
  })

  test.each(['confirmation', 'notification', 'update'] as const)(
    'of a %s without any submission is made up from the rules of the page',
    async (role) => {
      const { deps, form } = await contact({ confirmation: { allowUserText: true, body: '{% fields %}' } })
      const { mail, posted, faults } = await previewMail(deps, form, { role, language: 'en', submission: null })
      expect(posted).toBe(false)
      expect(faults).toEqual([])
      expect(mail.subject).not.toBe('')
      if (role !== 'update') {
        expect(mail.text).toContain('Name: Hanako Yamada')
        expect(mail.text).toContain('Plan: free')
        expect(mail.text).toContain('document.pdf')
      } else expect(mail.text).toContain('Before: xhanako@example.jp')
      expect(mail.attachments.length).toBe(role === 'notification' ? 1 : 0)
      // Nothing was stored or sent for it.
      expect((await deps.submissions.list({ limit: 1 })).items).toEqual([])
      expect(deps.announced).toBe(0)
    },
  )

  test('of a form without a page has the usual fields', async () => {
    const deps = testDeps()
    const form = { name: 'x', version: 1, createdAt: 1, origin: 'settings', settings: {}, variants: [] } as const
    const { mail } = await previewMail(deps, form, { role: 'notification', language: 'ja', submission: null })
    expect(mail.text).toContain('山田 花子')
  })

  test('names what is wrong with a text, with its line', async () => {
    const { deps, form } = await contact({
      confirmation: { body: { en: 'a\n\n{{ fields.name }}\n{{ nobody }}', ja: '{% if x %}' } },
      notification: { subject: '{{ fields.nmae }}', body: 'a\n{% for i in (1..100000000) %}x{% endfor %}' },
    })
    const confirmation = await previewMail(deps, form, { role: 'confirmation', language: 'en', submission: null })
    expect(confirmation.faults).toMatchObject([
      { key: 'forms.contact.confirmation.body.en', line: 3, rule: expect.stringContaining('allowUserText') },
      { key: 'forms.contact.confirmation.body.en', line: 4, rule: expect.stringContaining('does not exist') },
      { key: 'forms.contact.confirmation.body.ja', line: 1, rule: expect.stringContaining('is not a template') },
    ])
    const notification = await previewMail(deps, form, { role: 'notification', language: 'en', submission: null })
    expect(notification.faults).toEqual([
      {
        key: 'forms.contact.notification.subject',
        line: 1,
        rule: 'uses the field “nmae”, which no page of the form has',
      },
      {
        key: 'forms.contact.notification.body',
        line: 2,
        rule: expect.stringContaining('the built-in text goes out'),
      },
    ])
    expect(notification.mail.text).toContain('New message from the form')
  })
})

describe('GET and POST /api/v1/forms/{name}/preview', () => {
  async function api() {
    const app = await contact()
    const call = async (path: string, body?: unknown) => {
      const answer = await app.request(`/api/v1/forms${path}`, {
        headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      })
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
    }
    return { ...app, call }
  }

  test('show the newest submission, or the one that is named', async () => {
    const { call, post, stored } = await api()
    expect((await call('/contact/preview')).body).toMatchObject({ role: 'confirmation', posted: false })
    await post({ name: 'first', email: 'a@example.net' })
    await post({ name: 'second', email: 'b@example.net' })
    const [second, first] = await stored()
    expect((await call('/contact/preview?role=notification')).body).toMatchObject({
      posted: true,
      reference: second?.reference,
      replyTo: 'b@example.net',
    })
    const named = await call(`/contact/preview?role=notification&language=ja&reference=${first?.reference}`)
    expect(named.body).toMatchObject({ language: 'ja', text: expect.stringContaining('first') })
  })

  test('one that waits for review is no example', async () => {
    const { call, deps } = await api()
    await deps.submissions.accept(sampleAccept({ review: 'quarantined', verdict: { reasons: [], shadow: [] } }, []))
    expect((await call('/contact/preview')).body).toMatchObject({ posted: false })
  })

  test('settings that were not applied yet are used, and not stored', async () => {
    const { call, deps } = await api()
    const settings = { confirmation: { subject: 'New text' } }
    expect((await call('/contact/preview', { settings })).body).toMatchObject({ subject: 'New text' })
    expect((await call('/not-there-yet/preview', { settings })).body).toMatchObject({ subject: 'New text' })
    expect((await deps.forms.get('contact'))?.settings).toEqual({})
    expect(await deps.forms.get('not-there-yet')).toBeNull()
  })

  test.each([
    ['/none/preview', undefined, 404, 'form-not-found'],
    ['/contact/preview?reference=AAA-AAA-AAA', undefined, 404, 'submission-not-found'],
    ['/contact/preview?role=alarm', undefined, 400, 'invalid-request'],
    ['/contact/preview', { settings: { managers: 'secret' } }, 422, 'settings-invalid'],
    ['/api/preview', { settings: {} }, 404, 'form-not-found'],
  ])('%s is refused: %j', async (path, body, status, code) => {
    const { call } = await api()
    const answer = await call(path, body)
    expect(answer).toMatchObject({ status, body: { code } })
    expect(JSON.stringify(answer.body)).not.toContain('secret')
  })

  test('a submission of another form is not shown', async () => {
    const { call, deps } = await api()
    const other = sampleAccept({ form: 'other', reference: 'KD4-MR7-WC3' })
    await deps.submissions.accept(other)
    expect(await call('/contact/preview?reference=KD4-MR7-WC3')).toMatchObject({ status: 404 })
  })
})
