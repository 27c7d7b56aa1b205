/** A form service, as its pages show it. */
export type Service = {
  name: string
  /** Hosts its forms post to. */
  hosts: readonly string[]
  /** The form's id, as the first group, in the path of such an address. */
  path: RegExp | null
  /** Attributes of `<form>` that only its pages have. */
  attributes: readonly string[]
  /** Fields that only its pages have. */
  fields: readonly string[]
}

/** The services whose conventions are known here (`src/core/submissions/control-names.ts`). */
export const services: readonly Service[] = [
  {
    name: 'Formspree',
    hosts: ['formspree.io', 'www.formspree.io'],
    path: /^(?:\/p\/[^/]+)?\/f\/([^/]+)$/,
    attributes: ['data-fs-form'],
    fields: ['_gotcha'],
  },
  { name: 'Formspark', hosts: ['submit-form.com'], path: /^\/([^/]+)$/, attributes: [], fields: ['_append'] },
  {
    name: 'Web3Forms',
    hosts: ['api.web3forms.com', 'web3forms.com'],
    path: null,
    attributes: [],
    fields: ['access_key'],
  },
  {
    name: 'FormSubmit',
    hosts: ['formsubmit.co', 'www.formsubmit.co', 'formsubmit.io'],
    path: /^(?:\/ajax)?\/([^/]+)$/,
    attributes: [],
    fields: ['_honey', '_captcha', '_autoresponse'],
  },
  {
    name: 'Static Forms',
    hosts: ['api.staticforms.xyz', 'api.staticforms.dev'],
    path: null,
    attributes: [],
    fields: ['accessKey', 'apiKey', 'redirectTo'],
  },
  {
    name: 'Netlify',
    hosts: [],
    path: null,
    attributes: ['netlify', 'data-netlify', 'netlify-honeypot', 'data-netlify-honeypot'],
    fields: ['form-name', 'bot-field'],
  },
  {
    name: 'Cloudflare Pages',
    hosts: [],
    path: null,
    attributes: ['data-static-form-name'],
    fields: ['static-form-name'],
  },
  { name: 'Formspring', hosts: ['frmsp.io'], path: /^\/f\/([^/]+)$/, attributes: [], fields: [] },
  { name: 'Formcarry', hosts: ['formcarry.com'], path: /^\/s\/([^/]+)$/, attributes: [], fields: [] },
  {
    name: 'Basin',
    hosts: ['usebasin.com'],
    path: /^\/f\/([^/]+?)(?:\.json)?$/,
    attributes: ['data-basin-form'],
    fields: [],
  },
  {
    name: 'Forminit',
    hosts: ['forminit.com', 'getform.io', 'getform.com'],
    path: /^\/f\/([^/]+)$/,
    attributes: [],
    fields: [],
  },
]
