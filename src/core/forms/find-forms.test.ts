import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findForms } from './find-forms.ts'
import type { ControlRule } from './form.ts'
import { readPage } from './read-page.ts'

/** Forms of a page, which must be adopted. */
function adopted(html: string, path = '/index.html') {
  const found = findForms(html, path)
  if (found.kind !== 'adopted') throw new Error(found.reason)
  return found
}

const names = (html: string, path?: string) => adopted(html, path).forms.map(({ name }) => name)

/** The rules of the controls of one form. */
function rules(controls: string): readonly ControlRule[] {
  return adopted(`<title>t</title><form action=/f/t method=post>${controls}</form>`).forms[0]?.variant.controls ?? []
}

const rule = (control: string) => rules(control)[0]

/** What a rule says beyond "any text". */
function stated(control: string): Partial<ControlRule> {
  return Object.fromEntries(
    Object.entries(rule(control) ?? {}).filter(([, value]) => value !== null && value !== false),
  )
}

const reasonOf = (html: string) => {
  const found = findForms(html, '/')
  return found.kind === 'adopted' ? null : found.reason
}

describe('a form is ours', () => {
  test.each([
    ['/f/contact', '/index.html', 'contact'],
    ['f/contact', '/index.html', 'contact'],
    ['f/contact', '/ja/index.html', null],
    ['../f/contact', '/ja/index.html', 'contact'],
    ['https://forms.example.jp/f/contact', '/', 'contact'],
    ['http://127.0.0.1:4180/f/contact', '/', 'contact'],
    ['//forms.example.jp/f/contact', '/', 'contact'],
    ['/f/contact.json', '/', 'contact'],
    ['/f/contact?lang=ja#top', '/', 'contact'],
    [' /f/contact\n', '/', 'contact'],
    ['/f/Contact-2_b', '/', 'Contact-2_b'],
    ['/f/', '/', null],
    ['/f/a/b', '/', null],
    ['/f/contact/', '/', null],
    ['/x/f/contact', '/', null],
    ['/F/contact', '/', null],
    ['mailto:a@b?/f/contact', '/', null],
    ['javascript:/f/contact', '/', null],
    ['https://[/f/contact', '/', null],
    ['', '/f/contact.html', null],
  ])('by its action: %s on %s', (action, path, name) => {
    expect(names(`<form action="${action}"></form>`, path)).toEqual(name === null ? [] : [name])
  })

  test('by the address that base gives', () => {
    expect(names('<base href="/f/x"><form action=contact></form>', '/ja/a.html')).toEqual(['contact'])
    expect(names('<base href="https://a.example/b/"><base href=/><form action=f/contact></form>', '/')).toEqual([])
    expect(names('<base href="https://["><form action=f/contact></form>', '/')).toEqual(['contact'])
  })

  test('by a button’s formaction, in and outside of the form', () => {
    expect(names('<form><button formaction=/f/a></button></form>')).toEqual(['a'])
    expect(names('<form action=/f/a><input type=image formaction=/f/b></form>')).toEqual(['a', 'b'])
    expect(names('<form id=x></form><input type=submit form=x formaction=/f/a>')).toEqual(['a'])
    expect(names('<form><button type=button formaction=/f/a></button><input formaction=/f/b></form>')).toEqual([])
  })

  test('wherever it stands, but in what is no part of the page', () => {
    const form = '<form action=/f/a></form>'
    expect(names(`<noscript>${form}</noscript>`)).toEqual(['a'])
    expect(names(`<div hidden>${form}</div>`)).toEqual(['a'])
    for (const open of ['template', 'script', 'style', 'textarea', 'iframe', 'svg', 'title', 'noframes']) {
      expect(names(`<p>x</p><${open}>${form}</${open}>`), open).toEqual([])
    }
    expect(names(`<p>x</p><!-- ${form} -->`)).toEqual([])
    expect(names(`<frameset>${form}</frameset>`)).toEqual([])
  })

  test('and one that can’t have its name is told of', () => {
    const { forms, warnings } = adopted('<form action=/f/api></form><form action="/f/お問い合わせ"></form>', '/a.html')
    expect(forms).toEqual([])
    expect(warnings.map(({ text }) => text)).toEqual([
      '"api" can\'t be the name of a form',
      '"%E3%81%8A%E5%95%8F%E3%81%84%E5%90%88%E3%82%8F%E3%81%9B" can\'t be the name of a form',
    ])
  })
})

describe('a page is not adopted', () => {
  const form = '<form action=/f/a><input name=n></form>'
  test.each([
    ['', 'the file is empty'],
    [' \n', 'the file is empty'],
    [`${form}<p class="`, 'it ends in the middle of the markup (eof-in-tag, line 1)'],
    [`${form}<p`, 'it ends in the middle of the markup (eof-in-tag, line 1)'],
    [`${form}<`, 'it ends in the middle of the markup (eof-before-tag-name, line 1)'],
    [`${form}<!-- `, 'it ends in the middle of the markup (eof-in-comment, line 1)'],
    [`${form}<script>x`, 'it ends in the middle of the markup (eof-in-element-that-can-contain-only-text, line 1)'],
    [`${form}\n<textarea>x`, 'it ends in the middle of the markup (eof-in-element-that-can-contain-only-text, line 2)'],
    [`\n<form action=/f/a>`, 'the <form> of line 2 is not closed'],
    [`<body><form action=/search><p></body></html>`, 'the <form> of line 1 is not closed'],
    [`<p>x</p><div><form action=/f/a></div>`, 'the <form> of line 1 is not closed'],
    [`<table><form action=/f/a><tr><td></table>`, 'the <form> of line 1 is not closed'],
    [`${form}<select><option>a`, 'the <select> of line 1 is not closed'],
    [`${form}<select><option>a</body></html>`, 'the <select> of line 1 is not closed'],
    [`<div>${form}`, 'the <div> of line 1 is not closed, and neither is the page'],
    [`<html><head><title>t</title>`, 'its <head> is not closed'],
    [`<html><head></head><body>${form}`, 'its <body> is not closed'],
    ['<!doctype html><html lang=ja>', 'it has no content'],
    ['<!doctype html><title>t</title>', 'it has no content'],
    ['<head><title>t</title></head>\n', 'it has no content'],
    [`<form action=/f/a><form action=/x></form>`, 'another <form> begins inside the <form> of line 1'],
    [
      `<form action=/x><p>\n<form action=/f/a></form>`,
      'a <form> begins inside the <form> of line 1, so browsers leave it out',
    ],
    [`<form action=/f/a>${'<input>'.repeat(2001)}</form>`, 'it has more than 2000 controls or 20000 options'],
    [
      `<form action=/f/a><select>${'<option>'.repeat(20_001)}</select></form>`,
      'it has more than 2000 controls or 20000 options',
    ],
  ])('%#: %s', (html, reason) => {
    expect(reasonOf(html)).toBe(reason)
  })

  test.each([
    `${form}`,
    `<p>${form}<p>x`,
    `<title>t</title>${form}<ul><li>a<li>b</ul>`,
    `<html lang=ja><title>t</title>${form}`,
    `<body><div>${form}</body></html>`,
    `<body>${form}</html>`,
    `<div>${form}</body>`,
    `<form action=/x><form action=/y></form>${form}`,
    `<template><form></template>${form}`,
    `<form action=/f/a><select><option>a</select></form>`,
  ])('only for a reason: %s', (html) => {
    expect(reasonOf(html)).toBe(null)
  })

  const fixtures = ['index.html', 'en/index.html', 'old/catalog.html', 'booking.html']
  test.each(fixtures)('%s cut anywhere is not adopted, or has all its forms with all their rules', (path) => {
    const bytes = readFileSync(`test/fixtures/pages/${path}`)
    const whole = formsOf(bytes)
    expect(whole?.forms.length).toBeGreaterThan(0)
    let partly = 0
    for (let length = 0; length < bytes.length; length++) {
      const cut = formsOf(bytes.subarray(0, length))
      if (cut === null) partly += 1
      else expect(cut, `cut at ${length}`).toEqual(whole)
    }
    expect(partly).toBeGreaterThan(bytes.length * 0.9)

    function formsOf(part: Uint8Array) {
      const page = readPage(part)
      const found = page.kind === 'text' ? findForms(page.text, path, page.charset) : page
      return found.kind === 'adopted' ? found : null
    }
  })
})

describe('a variant', () => {
  test('has what is true of the whole form', () => {
    const page =
      '<html lang=en><title> Ask \n us </title><div lang=ja-JP><form action=/f/a><input name=n></form></div></html>'
    expect(findForms(page, 'ja\\ask.html', 'euc-jp')).toMatchObject({
      forms: [
        {
          name: 'a',
          variant: {
            pages: ['/ja/ask.html'],
            language: 'ja-JP',
            charset: 'euc-jp',
            title: 'Ask us',
            controls: [{ name: 'n' }],
          },
        },
      ],
    })
  })

  test('takes its language from the nearest lang, which may say that there is none', () => {
    const language = (html: string) => adopted(html).forms[0]?.variant.language
    expect(language('<html lang=en><form action=/f/a></form>')).toBe('en')
    expect(language('<html lang=en><form lang=ja action=/f/a></form>')).toBe('ja')
    expect(language('<html lang=en><div lang=""><form action=/f/a></form></div>')).toBe(null)
    expect(language('<p lang=ja>x</p><form action=/f/a></form>')).toBe(null)
  })

  test('posts in the encoding of accept-charset, if a browser knows it', () => {
    const charset = (list: string) =>
      adopted(`<form action=/f/a accept-charset="${list}"></form>`).forms[0]?.variant.charset
    expect(charset('x, Shift_JIS utf-8')).toBe('shift_jis')
    expect(charset('nonsense')).toBe('utf-8')
  })

  test('has no title but that of the page', () => {
    expect(adopted('<form action=/f/a><svg><title>x</title></svg></form>').forms[0]?.variant.title).toBe(null)
  })
})

describe('the rules of a control', () => {
  test('apply where the standard lets their attributes apply', () => {
    const all =
      'name=n required multiple minlength=1 maxlength=9 pattern=a title=t min=1 max=2 step=3 accept=.a readonly=x'
    const attributes = all.replace(' readonly=x', '')
    const textual = {
      required: true,
      minLength: 1,
      maxLength: 9,
      pattern: { source: 'a', title: 't', safety: 'risky' },
    }
    const range = { min: '1', max: '2', step: '3' }
    for (const kind of ['text', 'search', 'tel', 'url', 'password'] as const) {
      expect(stated(`<input type=${kind} ${attributes}>`)).toEqual({ name: 'n', kind, ...textual })
    }
    expect(stated(`<input type=email ${attributes}>`)).toEqual({ name: 'n', kind: 'email', multiple: true, ...textual })
    for (const kind of ['number', 'date', 'month', 'week', 'time', 'datetime-local'] as const) {
      expect(stated(`<input type=${kind} ${attributes}>`)).toEqual({ name: 'n', kind, required: true, ...range })
    }
    expect(stated(`<input type=range ${attributes}>`)).toEqual({ name: 'n', kind: 'range', ...range })
    expect(stated(`<input type=file ${attributes}>`)).toEqual({
      name: 'n',
      kind: 'file',
      required: true,
      multiple: true,
      accept: ['.a'],
    })
    expect(stated(`<input type=checkbox ${attributes}>`)).toEqual({
      name: 'n',
      kind: 'checkbox',
      required: true,
      options: ['on'],
    })
    expect(stated(`<input type=radio ${attributes}>`)).toEqual({
      name: 'n',
      kind: 'radio',
      required: true,
      options: ['on'],
    })
    expect(stated(`<textarea ${attributes}></textarea>`)).toEqual({
      name: 'n',
      kind: 'textarea',
      required: true,
      minLength: 1,
      maxLength: 9,
    })
    expect(stated(`<select ${attributes}></select>`)).toEqual({
      name: 'n',
      kind: 'select',
      required: true,
      multiple: true,
      options: [],
    })
    expect(stated(`<input type=color ${attributes}>`)).toEqual({ name: 'n', kind: 'color' })
    expect(stated(`<input type=hidden ${attributes}>`)).toEqual({ name: 'n', kind: 'hidden' })
    expect(stated(`<input type=DATETIME ${attributes}>`)).toMatchObject({ kind: 'text' })
    expect(stated(`<input ${all}>`)).toEqual({ name: 'n', kind: 'text' })
    expect(stated(`<datalist><input ${attributes}></datalist>`)).toEqual({ name: 'n', kind: 'text' })
  })

  test('of a disabled control hold when a script enables it, so it may be missing', () => {
    expect(stated('<input name=n required maxlength=3 disabled>')).toEqual({ name: 'n', kind: 'text', maxLength: 3 })
    expect(stated('<fieldset disabled><p><select name=n required><option>a</select></fieldset>')).toEqual({
      name: 'n',
      kind: 'select',
      options: ['a'],
    })
    const [inLegend, other] = rules(
      '<fieldset disabled><legend><input name=a required></legend><input name=b required></fieldset>',
    )
    expect([inLegend?.required, other?.required]).toEqual([true, false])
  })

  test('belong to the form that the control belongs to', () => {
    const html = `<input name=before form=b>
      <table><form id=a action=/f/a><tr><td><input name=cell></td></tr></form></table>
      <form id=b action=/f/b><div></form><input name=after></div>
      <input name=nobody form=c><input name=free>
      <form action=/f/c><input name=away form=a></form>`
    const fields = adopted(html).forms.map(({ name, variant }) => [
      name,
      variant.controls.map((control) => control.name),
    ])
    expect(fields).toEqual([
      ['a', ['cell', 'away']],
      ['b', ['before', 'after']],
      ['c', []],
    ])
  })

  test('are one rule for the radio buttons of a name, and for its checkboxes', () => {
    expect(
      rules(`<fieldset><legend>Plan *</legend><label><input type=radio name=plan value=a> A</label>
        <label><input type=radio name=plan value=b required> B</label><input type=radio name=plan value=c disabled></fieldset>
        <label><input type=checkbox name=news> News</label>
        <fieldset><legend>Days</legend><fieldset><label>Mo <input type=checkbox name=day value=mo required></label>
        <input type=checkbox name=day value=tu></fieldset></fieldset>`),
    ).toMatchObject([
      { name: 'plan', kind: 'radio', label: 'Plan *', required: true, options: ['a', 'b'] },
      { name: 'news', kind: 'checkbox', label: 'News', required: false, options: ['on'] },
      { name: 'day', kind: 'checkbox', label: 'Days', required: true, options: ['mo', 'tu'], requiredOptions: ['mo'] },
    ])
  })

  test('keep text fields of one name apart, in their order', () => {
    expect(rules('<input name=n maxlength=1><input type=email name=n><input name=m>').map(({ kind }) => kind)).toEqual([
      'text',
      'email',
      'text',
    ])
  })

  test('leave out what has no name or steers the post, and know names that are only posted', () => {
    expect(
      rules(`<input><input name=""><input name=_gotcha><input type=hidden name=_charset_><input type=reset name=r>
        <button type=button name=b></button><textarea name=t dirname=t.dir></textarea><button name=via value=1></button>
        <button name=via value=2></button><input type=image name=map><input type=submit name=t>`).map(
        ({ name, kind }) => [name, kind],
      ),
    ).toEqual([
      ['t', 'textarea'],
      ['t.dir', 'hidden'],
      ['via', 'hidden'],
      ['map.x', 'hidden'],
      ['map.y', 'hidden'],
    ])
  })

  test('have the options that can be chosen', () => {
    expect(
      rule(
        '<select name=n><option value="">-<option> a \n b <option value=" x "><option disabled>d<option value=x>c<option value=x>e</select>',
      )?.options,
    ).toEqual(['', 'a b', ' x ', 'x'])
    expect(
      rule('<select name=n><optgroup disabled><option>a</optgroup><optgroup><option>b<hr><option>c</optgroup></select>')
        ?.options,
    ).toEqual(['b', 'c'])
    expect(rule('<select name=n required><option value="">-<option>a</select>')?.options).toEqual(['a'])
  })

  test('say where steps begin when only the value does', () => {
    expect(rule('<input type=number name=n value=1 step=3>')?.stepBase).toBe('1')
    expect(rule('<input type=number name=n value=1 step=3 min=x>')?.stepBase).toBe('1')
    for (const attributes of ['value=1 min=0', 'value=x', 'value=1 step=Any', '']) {
      expect(rule(`<input type=number name=n ${attributes}>`)).not.toHaveProperty('stepBase')
    }
  })
})

describe('the label of a control', () => {
  test.each([
    ['<label for=i> Your\n name </label><input id=i name=n>', 'Your name'],
    ['<label>Name <input name=n></label>', 'Name'],
    ['<label>Size <select name=n><option>S<option>M</select> (EU)</label>', 'Size (EU)'],
    ['<label>About <textarea name=n>you</textarea></label>', 'About'],
    ['<label>A<br>B <script>x</script><style>y</style><b>C</b> <input name=n></label>', 'AB C'],
    ['<label for=other>Other <input name=n></label>', null],
    ['<label><input name=n></label><label for=i>x</label>', null],
    ['<label for=i></label><input id=i name=n aria-label=Name placeholder=p>', 'Name'],
    ['<b id=a>First</b><b id=c>name</b><input name=n aria-labelledby="a missing c">', 'First name'],
    ['<input name=n placeholder=" e.g. Hanako ">', 'e.g. Hanako'],
    ['<input name=n aria-label="">', null],
    ['<label for=i>hidden</label><input type=hidden id=i name=n>', null],
    [`<label>${'x'.repeat(1000)}<input name=n></label>`, 'x'.repeat(300)],
  ])('%#: %s', (html, label) => {
    expect(rule(html)?.label).toBe(label)
  })

  test('means the first element of an id', () => {
    expect(rules('<label for=i>First</label><input id=i name=a><input id=i name=b>').map(({ label }) => label)).toEqual(
      ['First', null],
    )
  })
})

describe('the page’s author is warned', () => {
  test.each([
    ['<form action=/f/a>', '', 'the form needs method="post"'],
    ['<form action=/f/a method=get>', '', 'the form needs method="post"'],
    ['<form action=/f/a method=POST>', '', null],
    ['<form action=/f/a>', '<button formmethod=post></button>', null],
    ['<form action=/f/a method=post novalidate>', '', 'novalidate keeps browsers from checking'],
    ['<form action=/f/a method=post>', '<input type=file name=n>', 'files need enctype="multipart/form-data"'],
    ['<form action=/f/a method=post enctype=multipart/form-data>', '<input type=file name=n>', null],
    [
      '<form action=/f/a method=post>',
      '<input name=n pattern="[0-9-]">',
      'field "n": its pattern is not a regular expression',
    ],
    [
      '<form action=/f/a method=post>',
      '<textarea name=n wrap=hard cols=9 maxlength=9></textarea>',
      'field "n": wrap="hard"',
    ],
    ['<form action=/f/a method=post>', '<input required>', 'a required text control has no name'],
  ])('%#: %s %s', (form, controls, text) => {
    const { warnings } = adopted(`${form}${controls}</form>`, '/a.html')
    const expected = text === null ? [] : [{ page: '/a.html', form: 'a', text: expect.stringContaining(text) }]
    expect(warnings).toEqual(expected)
  })

  test('and what he can’t mean is not part of the rules', () => {
    expect(rule('<input name=n pattern="[0-9-]">')?.pattern).toBe(null)
    expect(rule('<textarea name=n wrap=hard cols=9 maxlength=9 minlength=2></textarea>')).toMatchObject({
      maxLength: null,
      minLength: 2,
    })
  })
})

describe('hostile pages', () => {
  const tags =
    'form,input,select,option,optgroup,textarea,label,fieldset,legend,datalist,button,table,tr,td,p,a,b,div,svg,template,script,title,base,body,head,html,frameset,noscript'
  const attribute = fc.constantFrom(
    ...[
      'name=n',
      'id=i',
      'for=i',
      'form=i',
      'action=/f/a',
      'type=radio',
      'type=email',
      'required',
      'disabled',
      'value=1',
    ],
    ...[
      'pattern="("',
      'min=x',
      'lang=ja',
      'href="//["',
      'x="',
      "y='",
      'multiple',
      'step=0',
      'maxlength=1e9',
      'formaction=/f/b',
    ],
  )
  const piece = fc.oneof(
    fc
      .tuple(fc.constantFrom(...tags.split(',')), fc.array(attribute, { maxLength: 4 }))
      .map(([tag, list]) => `<${tag} ${list.join(' ')}>`),
    fc.constantFrom(...tags.split(',')).map((tag) => `</${tag}>`),
    fc.constantFrom('<!--', '-->', '<', '>', '&', '&#0;', '\0', '<![CDATA[', '</', '<!', '"', "'"),
    fc.string({ unit: 'binary', maxLength: 5 }),
  )

  test('of any markup are adopted or not, and what is found can be stored', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.string(), (pieces, path) => {
        const found = findForms(pieces.join(''), path)
        if (found.kind === 'not-adopted') expect(found.reason).not.toBe('')
        else expect(JSON.parse(JSON.stringify(found.forms))).toEqual(found.forms)
      }),
      { numRuns: 3000 },
    )
  })

  test.each([
    '<div>',
    '<p>',
    '<b>',
    '<table><tr><td>',
    '<table><br>x',
    '<a><p>',
    '<select><option>',
    '<fieldset disabled>',
    '<fieldset><input>',
    '<label>x',
    '<label for=i>',
    '<form action=/f/a><p>',
    '<form action=/f/a></form>',
    '<svg>',
    '<template>',
    '<input name=n type=radio>',
    '<li aria-labelledby="i i i i">',
    '<!--',
    '&amp',
    '<body a b c d>',
  ])('of nothing but %s take a moment', (unit) => {
    const before = performance.now()
    findForms(`<form action=/f/a>${unit.repeat(300_000 / unit.length)}</form>`, '/')
    findForms(
      `<form action=/f/a><fieldset disabled><label>${unit.repeat(300_000 / unit.length)}<input name=n></form>`,
      '/',
    )
    expect(performance.now() - before).toBeLessThan(5000)
  })

  test('that make more elements than they have bytes are given up', () => {
    const formatting = Array.from({ length: 3000 }, (_, i) => `<b a${i}>`).join('')
    expect(reasonOf(`<p>${formatting}${'<p>x'.repeat(10_000)}`)).toBe('it has more than 200000 elements')
  })
})

describe('forms that post elsewhere', () => {
  const names = (action: string, publicUrl: string | null) => {
    const found = findForms(`<title>x</title><form action="${action}" method="post"></form>`, '/', 'utf-8', publicUrl)
    return found.kind === 'adopted' ? { names: found.forms.map(({ name }) => name), warnings: found.warnings } : found
  }

  test.each([
    ['https://forms.example.jp/f/a', 'https://forms.example.jp', true],
    ['/f/a', 'https://forms.example.jp', true],
    ['http://localhost:4180/f/a', 'https://forms.example.jp', true],
    ['https://formspree.io/f/a', 'https://forms.example.jp', false],
    // On a machine of its own nobody knows yet where the page will lie.
    ['https://forms.example.jp/f/a', 'http://localhost:4180', true],
    ['https://forms.example.jp/f/a', null, true],
  ])('%s is ours at %s: %s', (action, publicUrl, ours) => {
    const found = names(action, publicUrl)
    expect(found).toMatchObject({ names: ours ? ['a'] : [], warnings: { length: ours ? 0 : 1 } })
  })
})
