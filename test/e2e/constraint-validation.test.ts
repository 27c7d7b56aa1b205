import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findForms } from '../../src/core/forms/find-forms.ts'
import { controlKinds, type FormRecord } from '../../src/core/forms/form.ts'
import { compilePattern } from '../../src/core/forms/pattern.ts'
import { validate } from '../../src/core/forms/validate.ts'
import { decodeUrlencoded } from '../../src/core/submissions/charset.ts'
import type { Entry } from '../../src/core/submissions/submission.ts'
import { startBrowser } from './browser.ts'

/**
 * One form, filled in one way. `value` is set through the DOM, or, where `edited`, left by an edit of the user, without
 * which browsers don't look at lengths. Null leaves the form as it is.
 */
type Row = {
  html: string
  value: string | null
  edited?: boolean
  /** Checkboxes and radio buttons to tick, or options to select, by their index. */
  choose?: readonly number[]
  files?: readonly { name: string; type: string; text: string }[]
}

type Outcome = {
  /** Names of the validity flags that are set, of all controls. */
  flags: string[]
  isValid: boolean
  /** What would be submitted. */
  entries: { name: string; value: string | { name: string; type: string; size: number } }[]
  /** The value as the control has it after it was set. */
  value: string
}

const values = (html: string, ...list: string[]): Row[] => list.map((value) => ({ html, value }))
const edited = (html: string, ...list: string[]): Row[] => list.map((value) => ({ html, value, edited: true }))
const chosen = (html: string, ...list: number[][]): Row[] => list.map((choose) => ({ html, value: null, choose }))
const times = (text: string, count: number) => text.repeat(count)

const table: Row[] = [
  // required
  ...values('<input name=f required>', '', 'x', ' ', '\u3000', '0'),
  ...values('<input name=f>', '', 'x'),
  ...values('<input type=search name=f required>', '', 'x'),
  ...values('<input type=tel name=f required>', '', '03-1234-5678'),
  ...values('<input type=password name=f required>', '', 'x'),
  ...values('<input type=hidden name=f required>', '', 'x'),
  ...values('<input type=nonsense name=f required>', '', 'x'),
  ...values('<input name=f required readonly>', '', 'x'),
  ...values('<input name=f required disabled>', '', 'x'),
  ...values('<fieldset disabled><input name=f required></fieldset>', '', 'x'),
  ...values('<fieldset disabled><legend><input name=f required></legend></fieldset>', '', 'x'),
  ...values('<fieldset disabled><legend>a</legend><legend><input name=f required></legend></fieldset>', ''),
  ...values('<fieldset disabled><label>a <input name=f required></label></fieldset>', ''),
  ...values('<fieldset><fieldset disabled></fieldset><input name=f required></fieldset>', ''),
  ...values('<fieldset disabled><legend><fieldset disabled><input name=f required></fieldset></legend></fieldset>', ''),
  ...values('<datalist><input name=f required></datalist>', '', 'x'),
  ...values('<div hidden><input name=f required></div>', ''),
  ...values('<textarea name=f required></textarea>', '', 'x', '\n', ' '),
  ...values('<textarea name=f required readonly></textarea>', ''),
  ...values('<input type=range name=f required>', ''),
  ...values('<input type=color name=f required>', ''),
  ...values('<input type=submit name=f required>', 'x'),
  ...values('<input type=number name=f required>', '', '1', 'x'),
  ...values('<input type=date name=f required>', '', '2026-01-01', 'x'),
  ...values('<input type=email name=f required>', '', 'a@b'),
  ...values('<input type=url name=f required>', '', 'a:b'),

  // checkboxes and radio buttons
  ...chosen('<input type=checkbox name=f>', [], [0]),
  ...chosen('<input type=checkbox name=f required>', [], [0]),
  ...chosen('<input type=checkbox name=f value="" required>', [], [0]),
  ...chosen('<input type=checkbox name=f required readonly>', [], [0]),
  ...chosen('<input type=checkbox name=f required disabled>', [], [0]),
  ...chosen('<input type=checkbox name=f value=a required><input type=checkbox name=f value=b>', [], [0], [1], [0, 1]),
  ...chosen(
    '<input type=checkbox name=f value=a required><input type=checkbox name=f value=b required>',
    [],
    [0],
    [1],
    [0, 1],
  ),
  ...chosen('<input type=hidden name=f value=0><input type=checkbox name=f value=1 required>', [], [1]),
  ...chosen('<input type=radio name=f value=a><input type=radio name=f value=b>', [], [0], [1]),
  ...chosen('<input type=radio name=f value=a required><input type=radio name=f value=b>', [], [0], [1]),
  ...chosen('<input type=radio name=f value=a><input type=radio name=f value=b required>', [], [0], [1]),
  ...chosen('<input type=radio name=f value="" required><input type=radio name=f value=b>', [], [0], [1]),
  ...chosen('<input type=radio name=f value=a required disabled><input type=radio name=f value=b>', [], [1]),
  ...chosen('<input type=radio name=f value=a required disabled><input type=radio name=f value=b disabled>', []),
  ...chosen('<input type=radio name=f value=a required><input type=radio name=F value=b>', [], [0], [1]),
  ...chosen('<input type=radio value=a required><input name=f>', []),

  ...chosen('<input type=radio name=f value=a required readonly><input type=radio name=f value=b>', [], [1]),
  ...chosen('<input type=radio name=f value=a required readonly>', []),

  // selects
  ...chosen('<select name=f><option value="">choose<option>a</select>', [0], [1]),
  ...chosen('<select name=f required><option value="">choose<option>a</select>', [0], [1]),
  ...chosen('<select name=f required><option>a<option value="">none</select>', [0], [1]),
  ...chosen('<select name=f required><option value="">choose<option value="">none<option>a</select>', [0], [1], [2]),
  ...chosen('<select name=f required><optgroup label=g><option value="">none<option>a</optgroup></select>', [0], [1]),
  ...chosen('<select name=f required size=2><option value="">none<option>a</select>', [], [0], [1]),
  ...chosen('<select name=f required multiple><option value="">none<option>a<option>b</select>', [], [0], [1], [1, 2]),
  ...chosen('<select name=f required><option value="" disabled selected>choose<option>a</select>', [1]),
  ...values('<select name=f required><option value="" disabled selected>choose<option>a</select>', ''),
  ...chosen('<select name=f required></select>', []),
  ...chosen('<select name=f required disabled><option value="">choose</select>', []),
  ...chosen('<select name=f required><option>  two\n words  </select>', [0]),
  ...chosen('<select name=f multiple><option>a<option disabled>b<option>c</select>', [0, 2]),
  ...chosen('<select name=f size=0 required><option value="">choose<option>a</select>', [0], [1]),
  ...chosen('<select name=f required><hr><option value="">choose<option>a</select>', [0], [1]),

  // files
  { html: '<input type=file name=f>', value: null },
  { html: '<input type=file name=f required>', value: null },
  { html: '<input type=file name=f required>', value: null, files: [{ name: 'a.txt', type: 'text/plain', text: 'x' }] },
  {
    html: '<input type=file name=f required>',
    value: null,
    files: [{ name: 'empty.txt', type: 'text/plain', text: '' }],
  },
  {
    html: '<input type=file name=f multiple required accept="image/*,.PDF">',
    value: null,
    files: [
      { name: 'a.png', type: 'image/png', text: 'x' },
      { name: 'b.pdf', type: '', text: 'x' },
    ],
  },
  { html: '<input type=file name=f accept=".txt">', value: null, files: [{ name: 'a.exe', type: '', text: 'x' }] },
  { html: '<input type=file name=f accept="image/png">', value: null },
  { html: '<input type=file name=f required readonly>', value: null },

  // email
  ...values(
    '<input type=email name=f>',
    'hanako@example.jp',
    'a@b',
    'user@localhost',
    'a+b@example.com',
    "o'brien@example.ie",
    'a..b@docomo.ne.jp',
    'a.@docomo.ne.jp',
    '.a@docomo.ne.jp',
    '!#$%&*/=?^_`{|}~-@example.com',
    'A@EXAMPLE.COM',
    'a@example.com.',
    'a@.example.com',
    'a@example..com',
    'a@-example.com',
    'a@example-.com',
    'a@exa_mple.com',
    'a@1.2.3.4',
    'a@[1.2.3.4]',
    'a@@b',
    'a@b@c',
    '@b',
    'a@',
    'a',
    'a b@c',
    '"a b"@c',
    'a@b,c@d',
    'a@b;c@d',
    'Hanako <a@b>',
    '<a@b>',
    'mailto:a@b',
    ' a@b ',
    'a@b\n',
    'a\n@b',
    'a(c)@b',
    'a\\@b',
    `a@${times('a', 63)}`,
    `a@${times('a', 64)}`,
    `a@${times('a', 63)}.${times('b', 63)}`,
    `${times('a', 64)}@b`,
    `${times('a', 65)}@b`,
    `a@${times('a.', 126)}com`,
    `a@${times('a.', 130)}com`,
    'user@日本語.jp',
    'ユーザー@example.jp',
    'ａ@example.jp',
    'a＠example.jp',
    'a@xn--wgv71a119e.jp',
    'a@ex\u00e4mple.com',
    'a\u0000@b',
  ),
  ...values(
    '<input type=email name=f multiple>',
    '',
    'a@b',
    'a@b,c@d',
    ' a@b , c@d ',
    'a@b,',
    ',a@b',
    ',',
    'a@b,,c@d',
    'a@b c@d',
    'a@b;c@d',
    'a@b,c',
  ),
  ...values('<input type=email name=f multiple required>', '', ',', 'a@b'),
  ...values('<input type=email name=f pattern=".+@example\\.jp">', 'a@example.jp', 'a@example.com', 'a'),
  ...values(
    '<input type=email name=f multiple pattern=".+@example\\.jp">',
    'a@example.jp,b@example.jp',
    'a@example.jp,b@x',
  ),

  // url
  ...values(
    '<input type=url name=f>',
    'https://example.jp/',
    'http://example.jp',
    'HTTPS://EXAMPLE.JP/',
    'https://日本語.jp/パス?q=あ#い',
    'example.jp',
    'www.example.jp',
    '/path',
    '//example.jp/',
    'https://',
    'https:',
    'http:example.jp',
    'https://a b/',
    'https://a/b c',
    'https://a:99999/',
    'https://[::1]/',
    'https://[::1/',
    'https://1.2.3.256/',
    'https://user:pass@example.jp/',
    'ftp://example.jp/',
    'mailto:a@b',
    'javascript:alert(1)',
    'foo:',
    'foo:bar',
    ':foo',
    '1a:b',
    'c:\\x',
    ' https://example.jp/ ',
    'https://exam\nple.jp/',
    'https://ex%61mple.jp/',
    'https://exa<mple.jp/',
    'https://xn--a/',
    'data:,x',
    'file:///x',
    'x',
  ),
  ...values('<input type=url name=f pattern="https://.*">', 'https://a/', 'http://a/'),

  // lines
  ...values('<input name=f>', 'a\nb', 'a\r\nb', '\n'),
  ...values('<textarea name=f></textarea>', 'a\nb', 'a\r\nb', 'a\rb', '\r\n'),

  // lengths, as the user leaves them
  ...edited('<input name=f maxlength=3>', 'abc', 'abcd', 'あいう', 'あいうえ', '😀x', '😀😀', ''),
  ...edited('<input name=f minlength=3>', 'ab', 'abc', '😀', '😀x', '', 'あい'),
  ...edited('<input name=f minlength=3 maxlength=3>', 'ab', 'abc', 'abcd'),
  ...edited('<input name=f maxlength=0>', 'a'),
  ...edited('<input name=f maxlength="-1">', 'a'),
  ...edited('<input name=f maxlength="+2">', 'ab', 'abc'),
  ...edited('<input name=f maxlength=" 2px">', 'ab', 'abc'),
  ...edited('<input name=f maxlength="x2">', 'abc'),
  ...edited('<input name=f maxlength="2.9">', 'ab', 'abc'),
  ...edited('<input name=f maxlength=99999999999>', 'abc'),
  ...edited('<input type=email name=f maxlength=5>', 'a@b.c', 'a@b.cd'),
  ...edited('<input type=email name=f multiple maxlength=5>', 'a@b.c', 'a@b,c@d'),
  ...edited('<input type=url name=f minlength=5>', 'a:b', 'abc:de'),
  ...edited('<input type=tel name=f maxlength=2>', '12', '123'),
  ...edited('<input type=search name=f maxlength=2>', '12', '123'),
  ...edited('<input type=password name=f minlength=8>', 'short', 'long enough'),
  ...values('<input type=number name=f maxlength=2>', '123'),
  ...edited('<input name=f maxlength=2 readonly>', 'abc'),
  ...edited('<textarea name=f maxlength=3></textarea>', 'a\nb', 'a\nbc', 'abc', 'abcd', '\n\n\n'),
  ...edited('<textarea name=f minlength=3></textarea>', 'a\n', 'a\nb', 'ab', ''),
  ...edited('<input name=f maxlength=3 pattern="[a-z]*">', 'abcd', 'ABC', 'ABCD'),

  ...edited('<input type=email name=f>', 'hanako@日本語.jp'),

  // lengths, as a script leaves them
  ...values('<input name=f maxlength=3>', 'abc', 'abcd'),
  ...values('<input name=f minlength=3>', 'ab', 'abc'),
  ...values('<textarea name=f maxlength=3></textarea>', 'abcd'),

  // pattern
  ...values('<input name=f pattern="[0-9]{3}-[0-9]{4}">', '100-0001', '100-00011', 'x100-0001', '', '1000001'),
  ...values('<input name=f pattern="a|b">', 'a', 'b', 'ab', 'c'),
  ...values('<input name=f pattern="">', '', 'x'),
  ...values('<input name=f pattern=")(">', 'x'),
  ...values('<input name=f pattern="[">', 'x'),
  ...values('<input name=f pattern="[a-z-_]+">', 'a', 'A'),
  ...values('<input name=f pattern="[\\w-]+">', 'a-b', 'a b'),
  ...values('<input name=f pattern="[a-z&&[^aeiou]]+">', 'xyz', 'aei'),
  ...values('<input name=f pattern="[\\p{L}--[a-z]]+">', 'あÄ', 'a'),
  ...values('<input name=f pattern="\\p{Script=Katakana}+">', 'カナ', 'かな', 'ｶﾅ'),
  ...values('<input name=f pattern="[ァ-ヶー]+">', 'カナー', 'ひらがな'),
  ...values('<input name=f pattern=".">', '😀', 'ab'),
  ...values('<input name=f pattern="\\u{1F600}">', '😀', 'u{1F600}'),
  ...values('<input name=f pattern="^abc$">', 'abc', 'abcd'),
  ...values('<input name=f pattern="(?i:abc)">', 'ABC'),
  ...values('<input name=f pattern="\\-">', '-'),
  ...values('<input name=f pattern="\\_">', '_'),
  ...values('<input name=f pattern="(?<=a)b">', 'ab', 'b'),
  ...values('<input type=tel name=f pattern="0\\d{9,10}">', '0312345678', '03-1234-5678'),
  ...values('<input type=search name=f pattern="a">', 'a', 'b'),
  ...values('<input type=password name=f pattern="a">', 'a', 'b'),
  ...values('<input type=number name=f pattern="a">', '1'),
  ...values('<input name=f pattern=a readonly>', 'b'),
  ...values('<textarea name=f pattern=a></textarea>', 'b'),

  // number
  ...values(
    '<input type=number name=f step=any>',
    '0',
    '-0',
    '1',
    '-1',
    '+1',
    '1.5',
    '.5',
    '-.5',
    '1.',
    '1.0',
    '01',
    '1e3',
    '1E3',
    '1e+3',
    '1e-3',
    '1e',
    'e1',
    '1e309',
    '-1e309',
    '1e308',
    '1e-400',
    ' 1',
    '1 ',
    '1,5',
    '１',
    '0x10',
    'NaN',
    'Infinity',
    '--1',
    '1-1',
    '.',
    '-',
    '1_000',
  ),
  ...values('<input type=number name=f>', '1', '1.5', '1.0', '-1', '1e-1', '10e-1', '9007199254740993', '1e25'),
  ...values('<input type=number name=f min=3 max=5>', '2', '3', '4', '5', '6', '2.5', '3.5'),
  ...values('<input type=number name=f min=-5 max=-3>', '-6', '-5', '-3', '-2'),
  ...values('<input type=number name=f min=5 max=3>', '2', '4', '6'),
  ...values('<input type=number name=f min=x max=y>', '-100', '100'),
  ...values('<input type=number name=f min=5px>', '3', '7'),
  ...values('<input type=number name=f min=" 5">', '3'),
  ...values('<input type=number name=f min=+5>', '3'),
  ...values('<input type=number name=f min=9007199254740993 step=any>', '9007199254740992', '9007199254740993'),
  ...values('<input type=number name=f step=0.1>', '0.1', '0.3', '0.35', '0.30000000000000004', '1e15', '-0.3'),
  ...values('<input type=number name=f step=0.01 min=0>', '1234567.89', '1234567.891', '0.001'),
  ...values('<input type=number name=f step=3>', '0', '3', '4', '-3', '-4'),
  ...values('<input type=number name=f step=3 min=1>', '1', '4', '3', '-2'),
  ...values('<input type=number name=f step=3 value=1>', '1', '4', '3'),
  ...values('<input type=number name=f step=3 min=0 value=1>', '1', '3'),
  ...values('<input type=number name=f step=0>', '1', '1.5'),
  ...values('<input type=number name=f step=-2>', '1', '1.5'),
  ...values('<input type=number name=f step=x>', '1', '1.5'),
  ...values('<input type=number name=f step=5px>', '5', '7', '7.5'),
  ...values('<input type=number name=f step=ANY>', '1.5'),
  ...values('<input type=number name=f step=1e-3>', '0.001', '0.0005'),
  ...values('<input type=number name=f step=1e300>', '1e300', '1.5e300'),
  ...values('<input type=number name=f value=0.5>', '1', '1.5'),
  ...values('<input type=number name=f min=3 readonly>', '1'),
  ...values('<input type=number name=f min=1.5>', '2', '2.5'),
  ...values('<input name=f min=3 max=5 step=2>', '9'),

  // range
  ...values('<input type=range name=f>', '', '0', '50', '100', '101', '-1', '50.5', 'x'),
  ...values('<input type=range name=f min=10 max=20 step=5>', '9', '10', '12', '15', '20', '25'),
  ...values('<input type=range name=f min=20 max=10>', '15', '20'),
  ...values('<input type=range name=f step=any>', '33.3'),
  ...values('<input type=range name=f min=-10>', '-20', '-10'),
  ...values('<input type=range name=f max=-5>', '0', '-5'),
  ...values('<input type=range name=f min=10 readonly>', '20'),

  // date
  ...values(
    '<input type=date name=f>',
    '2026-04-01',
    '2026-4-1',
    '26-04-01',
    '2026-02-29',
    '2024-02-29',
    '1900-02-29',
    '2000-02-29',
    '2026-13-01',
    '2026-00-01',
    '2026-04-31',
    '2026-04-00',
    '0000-01-01',
    '0001-01-01',
    '0099-12-31',
    '9999-12-31',
    '10000-01-01',
    '275760-09-13',
    '275760-09-14',
    '02026-04-01',
    '2026/04/01',
    '2026-04-01T00:00',
    ' 2026-04-01',
    '２０２６-04-01',
    '-2026-04-01',
  ),
  ...values(
    '<input type=date name=f min=2026-04-01 max=2026-04-30>',
    '2026-03-31',
    '2026-04-01',
    '2026-04-30',
    '2026-05-01',
  ),
  ...values('<input type=date name=f min=2026-05-01 max=2026-04-01>', '2026-04-15'),
  ...values('<input type=date name=f min=x>', '1970-01-01'),
  ...values('<input type=date name=f step=7>', '1970-01-01', '1970-01-08', '1970-01-09', '1969-12-25'),
  ...values('<input type=date name=f step=7 min=2026-04-06>', '2026-04-13', '2026-04-14'),
  ...values('<input type=date name=f step=7 value=2026-04-06>', '2026-04-13', '2026-04-14'),
  ...values('<input type=date name=f step=1.4>', '1970-01-02', '1970-01-03'),
  ...values('<input type=date name=f step=2.6>', '1970-01-03', '1970-01-04'),
  ...values('<input type=date name=f step=0.1>', '1970-01-02'),
  ...values('<input type=date name=f step=any>', '1970-01-02'),

  // month
  ...values(
    '<input type=month name=f>',
    '2026-04',
    '2026-4',
    '2026-13',
    '2026-00',
    '0000-01',
    '0001-01',
    '275760-09',
    '275760-10',
    '2026-04-01',
  ),
  ...values('<input type=month name=f min=2026-04 max=2026-06>', '2026-03', '2026-04', '2026-06', '2026-07'),
  ...values('<input type=month name=f step=3>', '1970-01', '1970-04', '1970-05', '1969-10', '1969-11'),
  ...values('<input type=month name=f step=12 min=2026-04>', '2027-04', '2027-05'),

  // week
  ...values(
    '<input type=week name=f>',
    '2026-W01',
    '2026-W53',
    '2025-W53',
    '2020-W53',
    '2026-W54',
    '2026-W00',
    '2026-W1',
    '2026-w01',
    '2026W01',
    '0000-W01',
    '0001-W01',
    '275760-W37',
    '275760-W38',
  ),
  ...values('<input type=week name=f min=2026-W10 max=2026-W12>', '2026-W09', '2026-W10', '2026-W12', '2026-W13'),
  ...values('<input type=week name=f step=2>', '1970-W01', '1970-W02', '1970-W03', '1969-W52'),
  ...values('<input type=week name=f step=4 min=2026-W02>', '2026-W06', '2026-W07'),

  // time
  ...values(
    '<input type=time name=f>',
    '09:30',
    '9:30',
    '24:00',
    '23:59',
    '23:60',
    '09:30:00',
    '09:30:30',
    '09:30:60',
    '09:30:00.000',
    '09:30:00.001',
    '09:30:00.0001',
    '09:30:00.1',
    '09:30:',
    '09:30Z',
    '0930',
    ' 09:30',
  ),
  ...values('<input type=time name=f min=09:00 max=17:00>', '08:59', '09:00', '17:00', '17:01'),
  ...values('<input type=time name=f min=22:00 max=06:00>', '21:59', '22:00', '00:00', '06:00', '06:01', '12:00'),
  ...values('<input type=time name=f min=09:00 max=x>', '23:00'),
  ...values('<input type=time name=f step=900>', '09:15', '09:16'),
  ...values('<input type=time name=f step=900 min=09:05>', '09:20', '09:15'),
  ...values('<input type=time name=f step=1>', '09:15:01', '09:15:01.5'),
  ...values('<input type=time name=f step=0.001>', '09:15:01.501'),
  ...values('<input type=time name=f step=0.0001>', '09:15:01.501'),
  ...values('<input type=time name=f step=0.0016>', '00:00:00.001', '00:00:00.002'),
  ...values('<input type=time name=f step=any>', '09:15:01.501'),
  ...values('<input type=time name=f value=09:01 step=300>', '09:06', '09:05'),

  // datetime-local
  ...values(
    '<input type=datetime-local name=f>',
    '2026-04-01T09:30',
    '2026-04-01 09:30',
    '2026-04-01T09:30:00',
    '2026-04-01T09:30:15',
    '2026-04-01T09:30:00.5',
    '2026-04-01T24:00',
    '2026-02-30T00:00',
    '2026-04-01',
    '2026-04-01T09:30Z',
    '2026-04-01T09:30+09:00',
    '275760-09-13T00:00',
    '275760-09-13T00:01',
    '0001-01-01T00:00',
    '2026-04-01t09:30',
  ),
  ...values(
    '<input type=datetime-local name=f min=2026-04-01T09:00 max=2026-04-01T10:00>',
    '2026-04-01T08:59',
    '2026-04-01T09:00',
    '2026-04-01T10:00',
    '2026-04-01T10:01',
  ),
  ...values('<input type=datetime-local name=f step=3600>', '2026-04-01T09:00', '2026-04-01T09:30'),
  ...values('<input type=datetime-local name=f step=1>', '2026-04-01T09:00:01', '2026-04-01T09:00:01.5'),

  // color
  ...values('<input type=color name=f>', '', '#33cc99', '#33CC99', '#3c9', 'red', '33cc99', '#33cc999'),

  // form owners
  ...values('<input name=f required form=f>', '', 'x'),
  ...values('<input name=f required form=nowhere>', '', 'x'),
  ...values('<table><tr><td><input name=f required></table>', '', 'x'),
  ...values('<template><input name=f required></template><input name=g>', 'x'),
]

const internationalAddress =
  'Chromium turns an international domain into A-labels while it is typed, and knows no other letters; scripts and other programs post them as they are, and mail can be sent there'
const unedited = 'browsers look at lengths only after the user edited the value; the server can not know who did'

/**
 * Where Chromium and we differ on what would be submitted, and why. A difference that is not here fails, and so does one
 * that is gone.
 */
const explained: Record<string, string> = {
  '<select name=f required><option value="">choose<option value="">none<option>a</select> [0]':
    'the placeholder and another option post the same empty value, which the latter makes a good one',
  '<select name=f required><hr><option value="">choose<option>a</select> [0]':
    'Chromium counts the rule as an item, so that the first option is no placeholder; in the standard it is one',
  '<input type=file name=f accept=".txt"> ["a.exe"]': 'browsers use accept for their file dialog and do not check it',
  '<input type=email name=f> "user@日本語.jp"': internationalAddress,
  '<input type=email name=f> "ユーザー@example.jp"': internationalAddress,
  '<input type=email name=f> "a@exämple.com"': internationalAddress,
  '<input type=email name=f pattern=".+@example\\.jp"> "a"': 'a value of the wrong type gets that one message, not two',
  '<input type=url name=f> "https://a b/"': 'Chromium takes a space in a host, which the URL Standard forbids',
  '<input name=f maxlength=3> "abcd"': unedited,
  '<input name=f minlength=3> "ab"': unedited,
  '<textarea name=f maxlength=3></textarea> "abcd"': unedited,
}

/**
 * Values that Chromium mends before it submits them, and that are taken as they are when something else posts them. Every
 * other value that Chromium would have changed is refused.
 */
const takenAsPosted: Record<string, string> = {
  '<input type=range name=f required> ""': 'nothing but required looks at empty values',
  '<input type=range name=f> ""': 'nothing but required looks at empty values',
  '<input type=color name=f required> ""': 'nothing but required looks at empty values',
  '<input type=color name=f> ""': 'nothing but required looks at empty values',
  '<input type=color name=f> "#33CC99"': 'the same colour',
  '<input type=email name=f> " a@b "': 'white space around an address is dropped before it is used',
  '<input type=email name=f> "a@b\\n"': 'white space around an address is dropped before it is used',
  '<input type=email name=f multiple> " a@b , c@d "': 'white space around an address is dropped before it is used',
  '<input type=url name=f> " https://example.jp/ "': 'white space around an address is dropped before it is used',
  '<input type=datetime-local name=f> "2026-04-01 09:30"': 'the same moment, written as the standard allows',
  '<input type=datetime-local name=f> "2026-04-01T09:30:00"': 'the same moment, written as the standard allows',
}

/**
 * Where the field that mail is sent to is stricter or laxer than Chromium: it must hold one address that mail can be sent
 * to, however HTML sees it (`parseAddress`).
 */
const explainedOfRecipient: Record<string, string> = {
  '<input type=email name=f> "a@1.2.3.4"': 'looks like an IPv4 address, and no such domain can exist',
  [keyOf({ html: '<input type=email name=f>', value: `${times('a', 65)}@b` })]: 'more than the 64 octets of RFC 5321',
  [keyOf({ html: '<input type=email name=f>', value: `a@${times('a.', 126)}com` })]:
    'more than the 256 octets of RFC 5321',
  [keyOf({ html: '<input type=email name=f>', value: `a@${times('a.', 130)}com` })]:
    'more than the 256 octets of RFC 5321',
  '<input type=email name=f multiple> " a@b , c@d "': 'a list',
  '<input type=email name=f multiple> "a@b,c@d"': 'a list',
  '<input type=email name=f multiple pattern=".+@example\\.jp"> "a@example.jp,b@example.jp"': 'a list',
  '<input type=email name=f multiple pattern=".+@example\\.jp"> "a@example.jp,b@x"':
    'a list, which Chromium refuses for its pattern only',
}

const flagOf: Record<string, string> = {
  REQUIRED_FIELD_MISSING: 'valueMissing',
  REQUIRED_FIELD_EMPTY: 'valueMissing',
  TYPE_EMAIL: 'typeMismatch',
  TYPE_URL: 'typeMismatch',
  PATTERN_MISMATCH: 'patternMismatch',
  TOO_LONG: 'tooLong',
  TOO_SHORT: 'tooShort',
  RANGE_UNDERFLOW: 'rangeUnderflow',
  RANGE_OVERFLOW: 'rangeOverflow',
  STEP_MISMATCH: 'stepMismatch',
}

const formOf = (row: Row) =>
  `<form id=f action=/f/t method=post enctype=multipart/form-data>${row.html}<input type=hidden name=other value=x></form>`

function keyOf({ html, value, edited: byUser, choose, files }: Row): string {
  const content = files !== undefined ? files.map(({ name }) => name) : (choose ?? value)
  return `${html} ${byUser === true ? 'edited to ' : ''}${JSON.stringify(content)}`
}

let browser: Browser
const outcomes: { row: Row; outcome: Outcome }[] = []

beforeAll(async () => {
  browser = await startBrowser()
  const page = await browser.newPage()
  for (const row of table) outcomes.push({ row, outcome: await fill(page, row) })
  await page.close()
})
afterAll(() => browser?.close())

/** Fills the form in and asks Chromium what it thinks of it. */
async function fill(page: Page, row: Row): Promise<Outcome> {
  await page.evaluate(setUp, { ...row, form: formOf(row) })
  // Only a key that is pressed makes an edit of the user; a letter too much is taken away again.
  if (row.edited === true) await page.keyboard.press('Backspace')
  return await page.evaluate(observe)
}

function setUp(row: Row & { form: string }): void {
  document.body.innerHTML = row.form
  const controls = [...document.querySelectorAll<HTMLInputElement>('input, select, textarea')]
  const [control] = controls
  if (control === undefined) throw new Error('a row needs a control')
  if (row.files !== undefined) {
    const transfer = new DataTransfer()
    for (const { name, type, text } of row.files) transfer.items.add(new File([text], name, { type }))
    control.files = transfer.files
  }
  const options = [...document.querySelectorAll('option')]
  if (row.choose !== undefined) for (const option of options) option.selected = false
  for (const index of row.choose ?? []) {
    const option = options[index]
    const box = controls[index]
    if (option !== undefined) option.selected = true
    else if (box !== undefined) box.checked = true
  }
  if (row.value !== null && control.tagName !== 'SELECT')
    control.value = row.edited === true ? `${row.value}x` : row.value
  control.focus()
}

function observe(): Outcome {
  const form = document.getElementById('f') as HTMLFormElement
  const controls = [...document.querySelectorAll<HTMLInputElement>('input, select, textarea')]
  const flags = new Set<string>()
  for (const { validity, willValidate, form: owner } of controls) {
    if (!willValidate || owner !== form) continue
    for (const flag in validity) if (flag !== 'valid' && validity[flag as keyof ValidityState]) flags.add(flag)
  }
  return {
    flags: [...flags].sort(),
    isValid: form.checkValidity(),
    entries: [...new FormData(form)].map(([name, value]) => ({
      name,
      value: typeof value === 'string' ? value : { name: value.name, type: value.type, size: value.size },
    })),
    value: controls[0]?.value ?? '',
  }
}

/** As both encodings of a form write newlines (HTML §4.10.22.4). */
const withCrlf = (text: string) => text.replace(/\r\n?|\n/g, '\r\n')

function asPosted(entries: Outcome['entries']): Entry[] {
  return entries.map(({ name, value }) =>
    typeof value === 'string'
      ? { kind: 'text', name, value: withCrlf(value) }
      : {
          kind: 'file',
          name,
          file: { blob: 'b', fileName: value.name, type: value.type, size: value.size, hash: 'h' },
        },
  )
}

const patterns = {
  assess: async () => 'safe' as const,
  matches: async (source: string, value: string) => compilePattern(source)?.test(value) ?? 'timeout',
}

/** Our flags for a post, in the browser's words; with `rules: enforce`, so that nothing unknown goes unnoticed. */
async function ourFlags(row: Row, entries: readonly Entry[], emailField = 'none'): Promise<string[]> {
  const found = findForms(`<!doctype html><title>t</title>${formOf(row)}`, '/index.html')
  if (found.kind !== 'adopted') return [found.reason]
  const form: FormRecord = {
    name: 't',
    version: 1,
    createdAt: 0,
    origin: 'pages',
    settings: { rules: 'enforce', emailField },
    variants: found.forms.map(({ variant }) => variant),
  }
  const { errors } = await validate({ patterns }, form, entries, { refererPath: '/', language: 'en' })
  return [...new Set(errors.map(({ code }) => flagOf[code] ?? code))].sort()
}

describe('the rules of the page, in Chromium and on the server', () => {
  test('the table has every kind of control and makes Chromium raise every flag', () => {
    const kinds = table.flatMap(({ html }) => {
      const found = findForms(`<form action=/f/t>${html}</form>`, '/')
      return found.kind === 'adopted'
        ? found.forms.flatMap(({ variant }) => variant.controls.map(({ kind }) => kind))
        : []
    })
    expect(new Set(kinds)).toEqual(new Set(controlKinds))
    const flags = new Set(outcomes.flatMap(({ outcome }) => outcome.flags))
    // badInput is left out: a number or date that is none never becomes the value of a control.
    expect([...flags].sort()).toEqual([...new Set(Object.values(flagOf))].sort())
    expect(new Set(table.map(keyOf)).size).toBeGreaterThan(600)
  })

  test('both raise the same flags for what would be submitted, but for the explained differences', async () => {
    const different: string[] = []
    for (const { row, outcome } of outcomes) {
      const ours = await ourFlags(row, asPosted(outcome.entries))
      if (ours.join() !== outcome.flags.join()) different.push(keyOf(row))
      else expect(outcome.isValid, keyOf(row)).toBe(ours.length === 0)
    }
    expect(different.sort()).toEqual(Object.keys(explained).sort())
  })

  test('the server refuses what Chromium would not let anybody submit, but for what does no harm', async () => {
    const taken: string[] = []
    for (const { row, outcome } of outcomes) {
      if (row.value === null || row.edited === true || withCrlf(outcome.value) === withCrlf(row.value)) continue
      const typed = withCrlf(row.value)
      const entries = asPosted(outcome.entries).map((entry) => (entry.name === 'f' ? text('f', typed) : entry))
      const flags = await ourFlags(row, entries)
      if (flags.length === 0) taken.push(keyOf(row))
    }
    expect(taken.sort()).toEqual(Object.keys(takenAsPosted).sort())
  })

  test('the field that mail is sent to must hold one address, whatever HTML says', async () => {
    const different: string[] = []
    for (const { row, outcome } of outcomes) {
      if (!row.html.startsWith('<input type=email') || row.edited === true) continue
      const ours = await ourFlags(row, asPosted(outcome.entries), 'f')
      if (ours.join() !== outcome.flags.join()) different.push(keyOf(row))
    }
    const all = {
      ...explainedOfRecipient,
      ...Object.fromEntries(Object.entries(explained).filter(([key]) => key.startsWith('<input type=email'))),
    }
    // A domain of one label means another machine to everybody who hears it: no mail is sent there.
    const bare = outcomes.flatMap(({ row, outcome }) =>
      isBareDomain(row) && !outcome.flags.includes('typeMismatch') ? [keyOf(row)] : [],
    )
    expect(different.sort()).toEqual([...new Set([...Object.keys(all), ...bare])].sort())
  })

  function isBareDomain({ html, value, edited: byUser }: Row): boolean {
    return html.startsWith('<input type=email') && byUser !== true && /^[^@,]+@[a-z0-9-]+$/i.test(value?.trim() ?? '')
  }
})

describe('posts of pages that are not UTF-8, as Chromium writes them', () => {
  const typed = [
    ['name', '山田 花子'],
    ['furigana', 'ﾔﾏﾀﾞ ﾊﾅｺ'],
    ['half', 'ｶ'],
    ['marks', '～‖−¥‾～①㈱髙﨑'],
    ['outside', '♡ 😀 é 한 &#9825; &#12354;'],
    ['message', '一行目\n二行目 & = + % é'],
  ] as const
  // What an encoding can't tell apart: the minus sign and its full-width form; yen sign and backslash, overline and tilde,
  // half-width kana and others, each in some. A reference to a character it lacks is read as one, also when typed by hand.
  const asEncoded = (charset: string, value: string) => {
    const posted = withCrlf(value).replaceAll('−', '－').replaceAll('&#9825;', '♡')
    return charset === 'iso-2022-jp'
      ? posted.replace('ﾔﾏﾀﾞ ﾊﾅｺ', 'ヤマタ゛ ハナコ').replace(/^ｶ$/, 'カ')
      : posted.replace('¥', '\\').replace('‾', '~')
  }

  for (const charset of ['shift_jis', 'euc-jp', 'iso-2022-jp']) {
    for (const hint of ['page', '_charset_']) {
      test(`${charset}, known from the ${hint}`, async () => {
        const hidden = hint === 'page' ? '' : '<input type=hidden name=_charset_>'
        const fields = typed.map(([name]) => `<textarea name=${name}></textarea>`).join('')
        const html = `<meta charset=${charset}><form method=post action=/f/t>${fields}${hidden}</form>`
        const body = await postedBy(html, charset, typed)
        const decoded = decodeUrlencoded(body, {
          declared: null,
          pageCharsets: hint === 'page' ? [charset] : [],
          maxFields: 100,
          maxFieldBytes: 10_000,
        })
        if (decoded.kind !== 'ok') throw new Error(decoded.kind)
        expect(decoded.charset).toBe(charset)
        const entries = decoded.entries.filter(([name]) => name !== '_charset_')
        expect(entries).toEqual(typed.map(([name, value]) => [name, asEncoded(charset, value)]))
      })
    }
  }
})

/** The body that Chromium posts when the fields of a page are filled and its form is sent. */
async function postedBy(
  html: string,
  charset: string,
  fields: readonly (readonly [string, string])[],
): Promise<Buffer> {
  const page = await browser.newPage()
  let body: Buffer | null = null
  await page.route('**/*', async (route) => {
    body ??= route.request().postDataBuffer()
    await route.fulfill({ contentType: `text/html; charset=${charset}`, body: html })
  })
  await page.goto('http://site.test/')
  await page.evaluate((list) => {
    for (const [name, value] of list) {
      const field = document.querySelector<HTMLTextAreaElement>(`[name=${name}]`)
      if (field !== null) field.value = value ?? ''
    }
  }, fields)
  await Promise.all([page.waitForURL('**/f/t'), page.evaluate(() => document.forms[0]?.submit())])
  await page.close()
  if (body === null) throw new Error('nothing was posted')
  return body
}

function text(name: string, value: string): Entry {
  return { kind: 'text', name, value }
}
