import type { SitePage } from '../../src/core/forms/sync-forms.ts'

/** The origin of the site whose pages post to the forms. */
export const site = 'https://www.shop.example.jp'

/** The forms of one small shop, each with other settings. All but `open` stand on pages. */
export const formNames = ['contact', 'quote', 'news', 'club', 'open'] as const
export type FormName = (typeof formNames)[number]

/** Settings as they stand in todoku.yaml. Whatever is not named here is as a form has it that was set up in a minute. */
export const settings: Readonly<Record<FormName, Record<string, unknown>>> = {
  contact: {},
  quote: { managers: ['sales@shop.example.jp', 'boss@shop.example.jp'], origins: [site] },
  news: { confirmation: { proof: 'required' } },
  club: { doubleOptIn: true },
  open: {},
}

export const managersOf: Readonly<Record<FormName, readonly string[]>> = {
  contact: ['office@shop.example.jp'],
  quote: ['sales@shop.example.jp', 'boss@shop.example.jp'],
  news: ['office@shop.example.jp'],
  club: ['office@shop.example.jp'],
  open: ['office@shop.example.jp'],
}

export const pages: readonly SitePage[] = formNames
  .filter((name) => name !== 'open')
  .map((name) => ({ path: `/${name}.html`, bytes: new TextEncoder().encode(pageOf(name)) }))

function pageOf(name: FormName): string {
  return `<!doctype html><html lang="en"><head><title>The shop: ${name}</title></head><body>
<form action="/f/${name}" method="post">
<label>Name <input name="name"></label>
<label>E-mail <input name="email" type="email" required></label>
<label>Message <textarea name="message"></textarea></label>
<input type="text" name="_gotcha" style="display:none">
</form></body></html>`
}
