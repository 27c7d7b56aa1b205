import { expect, test } from 'vitest'
import { testSettings } from '../../../test/fakes/test-deps.ts'
import type { FormSettings } from '../forms/form.ts'
import type { Settings } from '../settings.ts'
import { type CheckedForm, checkSettings } from './check-settings.ts'

const watched: Settings = {
  ...testSettings,
  alarms: {
    ...testSettings.alarms,
    webhook: { url: 'https://hooks.example/x', secret: 'whsec_x' },
    heartbeat: 'https://monitor.example/x',
  },
}
const form = (settings: FormSettings): CheckedForm => ({
  name: 'contact',
  settings,
  variants: [{ controls: [{ name: 'email' }, { name: '電話' }] }],
})
const codes = (settings: Settings, forms: readonly CheckedForm[] = [form({})], ownAlarmRelay = false) =>
  checkSettings(settings, forms, { ownAlarmRelay }).map(({ code }) => code)
const alarms = (changes: Partial<Settings['alarms']>): Settings => ({
  ...watched,
  alarms: { ...watched.alarms, ...changes },
})

test('settings that are as they should be give nothing', () => {
  expect(codes(watched)).toEqual([])
  expect(codes({ ...testSettings, transport: 'capture', publicUrl: 'http://localhost:4180' })).toEqual([])
})

test.each<[string, Settings, FormSettings]>([
  ['no-second-channel', alarms({ webhook: null }), {}],
  ['alarms-same-way', alarms({ webhook: null, mailTo: ['a@b.example'] }), {}],
  ['no-heartbeat', alarms({ heartbeat: null }), {}],
  ['alarms-in-the-clear', alarms({ heartbeat: 'http://monitor.example/' }), {}],
  ['canary-form-unknown', alarms({ canary: { form: 'other', every: 1, within: 1 } }), {}],
  ['from-free-mail', { ...watched, from: { address: 'shop@Yahoo.co.jp', name: null } }, {}],
  ['manager-is-sender', { ...watched, managers: ['Forms@example.jp'] }, {}],
  ['public-url-local', { ...watched, publicUrl: 'https://localhost' }, {}],
  ['public-url-in-the-clear', { ...watched, publicUrl: 'http://forms.example.jp' }, {}],
  ['no-managers', { ...watched, managers: [] }, {}],
  ['manager-simulated', watched, { managers: ['manager@simulator.test'] }],
  ['manager-simulated', watched, { route: { field: 'x', to: { a: ['no-such-user@simulator.test'] } } }],
  ['thanks-not-allowed', watched, { thanks: 'https://www.example.com/thanks' }],
  ['template-broken', watched, { confirmation: { body: '{% if %}' } }],
  ['template-field-unknown', watched, { notification: { subject: { ja: '{{ fields.phone }}' } } }],
  ['template-field-unknown', watched, { notification: { body: '{{ fields.お名前 }} {{ fields["お名前"] }}' } }],
  ['template-field-unknown', watched, { notification: { body: '{{ fields["Full name"] }}' } }],
  ['template-field-unknown', watched, { notification: { body: '{{ fields["driver\'s"] }}' } }],
])('%s is found', (code, settings, own) => {
  expect(codes(settings, [form(own)])).toEqual([code])
})

test('a manager of the instance who is only simulated is told once, by the setting that names them', () => {
  const settings = { ...watched, managers: ['manager@simulator.test'] }
  const own = { ...form({ managers: ['office@example.jp'] }), name: 'own' }
  const find = (forms: readonly CheckedForm[]) => checkSettings(settings, forms, { ownAlarmRelay: false })
  const forms = [form({}), { ...form({}), name: 'shop' }, own]
  for (const some of [forms, []])
    expect(find(some)).toMatchObject([{ code: 'manager-simulated', next: expect.stringContaining('`managers`') }])
  expect(find([own])).toEqual([])
})

test('one of a form is told with the key that names them', () => {
  const to = ['manager@simulator.test']
  const next = (settings: FormSettings) => checkSettings(watched, [form(settings)], { ownAlarmRelay: false })[0]?.next
  expect(next({ managers: to })).toContain('`forms.contact.managers`')
  expect(next({ route: { field: 'x', to: { a: to } } })).toContain('`forms.contact.route.to`')
})

test('what is right in spite of its looks is not told', () => {
  expect(
    codes(watched, [
      form({
        thanks: 'https://WWW.example.com/thanks',
        origins: ['https://www.example.com'],
        notification: { body: '{{ fields.email }} {{ fields["電話"] }} {{ reference }}' },
      }),
    ]),
  ).toEqual([])
  expect(codes(watched, [form({ thanks: '/thanks.html' })])).toEqual([])
  expect(codes(alarms({ webhook: null, mailTo: ['a@b.example'] }), [form({})], true)).toEqual([])
  const unknown = { ...form({ notification: { body: '{{ fields.anything }}' } }), variants: [] }
  expect(codes(watched, [unknown])).toEqual([])
})
