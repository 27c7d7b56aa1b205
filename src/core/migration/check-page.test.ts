import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkPage, type FormCheck } from './check-page.ts'

const server = 'https://forms.example.jp'

function forms(html: string, at: string | null = server): FormCheck[] {
  const check = checkPage(`<!doctype html><html><body>${html}</body></html>`, at)
  if (check.kind !== 'checked') throw new Error(check.reason)
  return check.forms
}

function only(html: string, at?: string | null): FormCheck {
  const [form, more] = forms(html, at)
  if (form === undefined || more !== undefined) throw new Error('not one form')
  return form
}

const email = '<input name="email" type="email">'

describe('whose form it is, and its new action', () => {
  test.each([
    ['https://formspree.io/f/xyzabc', '', 'Formspree', 'xyzabc'],
    ['https://formspree.io/p/123/f/contactForm', '', 'Formspree', 'contactForm'],
    ['https://formspree.io/hanako@example.jp', '', 'Formspree', 'contact'],
    ['https://submit-form.com/aBc123', '', 'Formspark', 'aBc123'],
    ['https://api.web3forms.com/submit', 'name="enquiry"', 'Web3Forms', 'enquiry'],
    ['https://formsubmit.co/ajax/hanako@example.jp', '', 'FormSubmit', 'contact'],
    ['https://api.staticforms.xyz/submit', '', 'Static Forms', 'contact'],
    ['https://formcarry.com/s/AbC', '', 'Formcarry', 'AbC'],
    ['https://usebasin.com/f/1a2b.json', '', 'Basin', '1a2b'],
    ['https://getform.io/f/bvr', '', 'Forminit', 'bvr'],
    ['/thanks', 'data-netlify="true" name="survey"', 'Netlify', 'survey'],
    ['', 'data-static-form-name="x" id="talk"', 'Cloudflare Pages', 'talk'],
    ['https://elsewhere.example/post.cgi', '', null, 'contact'],
    ['/f/apply?x=1', '', null, 'apply'],
  ])('%s %s', (action, attributes, service, name) => {
    const form = only(`<form action="${action}" method="post" ${attributes}>${email}</form>`)
    expect(form.service).toBe(service)
    expect(form.action).toEqual({ from: action, to: `${server}/f/${name}` })
  })

  test('without a known address, fields tell', () => {
    const form = only(`<form method="post"><input type="hidden" name="access_key" value="k">${email}</form>`)
    expect(form).toMatchObject({ service: 'Web3Forms', because: 'it has the field access_key' })
    expect(form.notes.join()).toContain('has no action')
  })

  test('forms without a name get different ones, and never that of another', () => {
    const page = '<form method="post"></form><form name="contact"></form><form></form>'
    expect(forms(page).map(({ action }) => action.to.replace(`${server}/f/`, ''))).toEqual([
      'contact-2',
      'contact',
      'contact-3',
    ])
  })

  test('a host that only looks like one of theirs is none of them', () => {
    expect(only(`<form action="https://formspree.io.evil.example/f/x">${email}</form>`).service).toBeNull()
  })
})

describe('a page that posts here already', () => {
  const trap = '<input name="_gotcha">'

  test.each([`${server}/f/apply`, `${server}/f/apply?format=json`, 'HTTPS://FORMS.EXAMPLE.JP/f/apply.json'])(
    '%s is right as it is, and its fields don’t say that it was made for another',
    (action) => {
      const form = only(`<form action="${action}" method="post">${trap}</form>`)
      expect(form).toMatchObject({ service: null, because: null, action: { from: action, to: action } })
      expect(form.fields).toMatchObject([{ name: '_gotcha' }])
    },
  )

  test('at a name that no form can have it does not, nor at an address that only begins like ours', () => {
    for (const action of [`${server}/f/thanks`, `${server}/f/`, `${server}.evil.example/f/apply`]) {
      const form = only(`<form action="${action}" method="post">${trap}</form>`)
      expect(form.service).toBe('Formspree')
      expect(form.action.to).not.toBe(action)
    }
  })

  test('where nobody says what our address is, that is one on the machine itself', () => {
    const form = only(`<form action="http://localhost:4180/f/apply" method="post">${trap}</form>`, null)
    expect(form.action.to).toBe('http://localhost:4180/f/apply')
    expect(only(`<form action="http://localhost:4180/f/apply" method="post"></form>`).action.to).toBe(
      `${server}/f/apply`,
    )
  })

  test('with a path needs no change where we serve it, and it says so', () => {
    expect(only('<form action="/f/apply" method="post"></form>').notes.join()).toContain('--site')
  })
})

describe('buttons that post elsewhere', () => {
  test('are named with their new address, wherever they stand', () => {
    const page = `<form id="a" action="https://formspree.io/f/abc" method="post">${email}
<button formaction="https://formspree.io/f/draft">Keep</button><input type="image" formaction="${server}/f/ours" alt="x"></form>
<button form="a" formaction="https://formspree.io/f/other">Other</button>`
    expect(only(page).buttons).toEqual([
      { line: 2, from: 'https://formspree.io/f/draft', to: `${server}/f/draft` },
      { line: 2, from: `${server}/f/ours`, to: `${server}/f/ours` },
      { line: 3, from: 'https://formspree.io/f/other', to: `${server}/f/other` },
    ])
  })

  test('tell the service of a form that says nothing itself', () => {
    const form = only(
      `<form method="post">${email}<button formaction="https://submit-form.com/aBc123">Send</button></form>`,
    )
    expect(form).toMatchObject({ service: 'Formspark', action: { to: `${server}/f/aBc123` } })
  })

  test('to an address that is no service’s are left to the owner, with a note', () => {
    const form = only(
      '<form action="https://formspree.io/f/x" method="post"><button formaction="/search">?</button></form>',
    )
    expect(form.buttons).toEqual([])
    expect(form.notes.join()).toContain('formaction="/search"')
  })

  test('do not submit, or are nobody’s: nothing is said of them', () => {
    const page =
      '<form action="https://formspree.io/f/x" method="post"><button type="button" formaction="/a">a</button></form><button form="b" formaction="/b">b</button>'
    expect(only(page)).toMatchObject({ buttons: [], notes: [] })
  })
})

describe('fields', () => {
  test('say what they do here and what differs, by the table of conventions', () => {
    const { fields } = only(`<form action="https://formsubmit.co/x" method="post">
<input name="_honey"><input type="hidden" name="_autoresponse" value="Thanks"><input type="hidden" name="_subject" value="s">
<input name="message">${email}</form>`)
    expect(fields.map(({ name, differs }) => [name, differs !== null])).toEqual([
      ['_honey', true],
      ['_autoresponse', true],
      ['_subject', false],
    ])
    expect(fields[1]).toMatchObject({ line: 2, here: 'nothing' })
  })

  test('that visitors see stay fields, and it says so', () => {
    const shown = only(`<form action="https://api.web3forms.com/submit"><input name="subject"></form>`)
    expect(shown.fields).toMatchObject([{ name: 'subject', here: 'an ordinary field' }])
    const hidden = only(
      `<form action="https://api.web3forms.com/submit"><input type="hidden" name="subject" value="s"></form>`,
    )
    expect(hidden.fields[0]?.here).toContain('subject of the notification')
  })

  test('with an unknown name that begins with _ are lost, and it says so', () => {
    expect(only('<form method="post"><input name="_phone"></form>').fields).toMatchObject([
      { name: '_phone', here: 'nothing', differs: expect.stringContaining('rename it') },
    ])
  })

  test('belong to their form wherever they stand', () => {
    const page = '<form id="a"></form><form id="b"></form><input form="b" name="_next"><input name="_gotcha">'
    expect(forms(page).map(({ fields }) => fields.map(({ name }) => name))).toEqual([[], ['_next']])
  })
})

describe('notes', () => {
  test('say what a form lacks', () => {
    const { notes } = only('<form action="https://formspree.io/f/x"><input type="file" name="doc"></form>')
    expect(notes.join('\n')).toContain('method="post"')
    expect(notes.join('\n')).toContain('multipart/form-data')
  })

  test('say where Netlify’s thank-you page goes', () => {
    const form = only('<form method="post" action="/thanks" netlify></form>')
    expect(form.notes).toEqual([expect.stringContaining('name="_next" value="/thanks"')])
  })

  test('say where Netlify’s own name of a trap goes', () => {
    const trap = (name: string) => only(`<form method="post" action="/" netlify netlify-honeypot="${name}"></form>`)
    expect(trap('fax-number').notes.join()).toContain('spam.honeypot')
    expect(trap('bot-field').notes).toEqual([])
  })

  test('say which scripts need the new address', () => {
    const check = checkPage(
      `<!doctype html><body><form></form><script>fetch('https://formspree.io/f/x')</script>
<script>initForm({ formElement: '#a', formId: 'x' })</script>
<script src="https://www.google.com/recaptcha/api.js"></script></body>`,
      server,
    )
    expect(check).toMatchObject({
      notes: [
        expect.stringContaining('line 1: a script posts to formspree.io'),
        expect.stringContaining(`origin: '${server}'`),
        expect.stringContaining('recaptcha can be removed'),
      ],
    })
  })
})

describe('the script of Formspree', () => {
  const notes = (code: string, at: string | null = server) => {
    const check = checkPage(`<!doctype html><body><script>${code}</script></body>`, at)
    return check.kind === 'checked' ? check.notes.join() : check.reason
  }

  test('needs nothing more where it has our address', () => {
    expect(
      notes(`import { initForm } from 'x'; initForm({ formElement: '#a', formId: 'x', origin: '${server}' })`),
    ).toBe('')
    expect(notes(`formspree('initForm', { formId: "x", "origin": "${server}/" })`)).toBe('')
    expect(notes(`initForm({ formId: 'x', origin: 'http://localhost:4180' })`, null)).toBe('')
  })

  test('needs it in every call, and the right one', () => {
    expect(notes(`initForm({ origin: '${server}' }); initForm({ formId: 'y' })`)).toContain('add origin')
    expect(notes(`initForm({ formId: 'x', origin: 'https://other.example' })`)).toContain('add origin')
  })
})

test('a fragment of the next page is lost, and it says so', () => {
  const next = (value: string) =>
    only(
      `<form action="https://formspree.io/f/x" method="post"><input type="hidden" name="_next" value="${value}"></form>`,
    )
  expect(next('/ok?a=1#sent').notes.join()).toContain('#sent')
  expect(next('/ok?a=1').notes).toEqual([])
})

describe('pages that mean harm', () => {
  test('a page that is half written is unreadable, with the reason', () => {
    expect(checkPage('<form action="x"><input name="', server)).toMatchObject({ kind: 'unreadable' })
  })

  test('a page with too many controls is', () => {
    expect(checkPage(`<body><form>${'<input name=a>'.repeat(3000)}</form></body>`, server).kind).toBe('unreadable')
  })

  test('what it says can’t steer a terminal', () => {
    const form = only('<form action="https://x.example/\u001b[2J\u202e"><input name="_\u001b]0;x\u0007"></form>')
    expect(JSON.stringify(form)).not.toMatch(/\\u001b|\\u0007|\u202e/)
  })

  test('any markup gets an answer', () => {
    const piece = fc.constantFrom(
      '<form',
      ' action="',
      'https://formspree.io/f/',
      '">',
      '<input name=',
      '_next',
      '</form>',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 30 }), (pieces) => {
        expect(['checked', 'unreadable']).toContain(checkPage(pieces.join(''), server).kind)
      }),
    )
  })
})
