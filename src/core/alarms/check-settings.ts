import { isFreeMailDomain } from '../address-help/mail-domains.ts'
import type { FormSettings, Localized } from '../forms/form.ts'
import { unknownFields } from '../messages/templates/check.ts'
import { inspectTemplate } from '../messages/templates/liquid.ts'
import type { Settings } from '../settings.ts'

/** Something about the settings that will cost mails, or keep their loss from being noticed. */
export type Finding = {
  /** `error`: mails are or will be lost. `warning`: a loss would not be noticed, or is likely. `info`: not checked. */
  level: 'error' | 'warning' | 'info'
  code: string
  sentence: string
  next: string
}

/** What is checked of a form. */
export type CheckedForm = {
  name: string
  settings: FormSettings
  variants: readonly { controls: readonly { name: string }[] }[]
}

/** Finds what can be seen from the settings alone, before the first lead is lost. Nothing is asked of the network. */
export function checkSettings(
  settings: Settings,
  forms: readonly CheckedForm[],
  more: { ownAlarmRelay: boolean },
): Finding[] {
  return [
    ...checkAlarms(settings, forms, more.ownAlarmRelay),
    ...checkSender(settings),
    ...checkPublicUrl(settings),
    ...checkManagers(settings, forms),
    ...forms.flatMap((form) => checkForm(settings, form)),
  ]
}

/** Whether a loss would be noticed. @param ownRelay whether alarms take another relay than the other mails */
export function checkAlarms(
  { alarms, transport }: Settings,
  forms: readonly CheckedForm[],
  ownRelay: boolean,
): Finding[] {
  const findings: Finding[] = []
  const { webhook, mailTo, heartbeat, canary } = alarms
  if (transport !== 'capture' && webhook === null && mailTo.length === 0)
    findings.push({
      level: 'warning',
      code: 'no-second-channel',
      sentence: 'When a notification fails, nobody is told: there is neither a webhook nor an address for alarms.',
      next: 'Set `alarms.webhook`, or `alarms.email.to` with `alarms.email.smtp`: docs/guide/alarms.md',
    })
  if (mailTo.length > 0 && !ownRelay && transport !== 'capture')
    findings.push({
      level: 'warning',
      code: 'alarms-same-way',
      sentence: 'Mails with alarms take the relay whose failure they would tell of.',
      next: 'Set `alarms.email.smtp` to a relay of another provider, or `alarms.webhook`.',
    })
  if (transport !== 'capture' && heartbeat === null)
    findings.push({
      level: 'warning',
      code: 'no-heartbeat',
      sentence: 'When this process or its machine dies, nobody notices.',
      next: 'Set `alarms.heartbeat` to the URL of a monitor that tells you when it is not asked for: docs/guide/alarms.md',
    })
  for (const [key, url] of [
    ['alarms.webhook.url', webhook?.url],
    ['alarms.heartbeat', heartbeat],
  ] as const)
    if (url?.startsWith('http:') === true && !alarms.allowPrivate)
      findings.push({
        level: 'warning',
        code: 'alarms-in-the-clear',
        sentence: `${key} begins with http: what is sent there can be read and changed on the way.`,
        next: 'Use https.',
      })
  if (canary !== null && !forms.some(({ name }) => name === canary.form))
    findings.push({
      level: 'error',
      code: 'canary-form-unknown',
      sentence: `There is no form called ${canary.form}, which \`alarms.canary.form\` names.`,
      next: 'Name one of `npx todoku forms list`.',
    })
  return findings
}

function checkSender({ from, managers, transport }: Settings): Finding[] {
  if (transport === 'capture') return []
  const domain = domainOf(from.address)
  const findings: Finding[] = []
  if (isFreeMailDomain(domain))
    findings.push({
      level: 'error',
      code: 'from-free-mail',
      sentence: `Mail from ${domain} is only taken from the servers of ${domain}: yours will be refused or filed as spam.`,
      next: 'Set `from.address` to an address of a domain of your own.',
    })
  if (managers.some((manager) => manager.toLowerCase() === from.address.toLowerCase()))
    findings.push({
      level: 'warning',
      code: 'manager-is-sender',
      sentence: 'A manager’s address is the sender’s: many servers file mail that seems to come from oneself as spam.',
      next: 'Give `from.address` an address of its own, such as forms@ of your domain.',
    })
  return findings
}

function checkPublicUrl({ publicUrl, transport }: Settings): Finding[] {
  if (transport === 'capture') return []
  const { protocol, hostname } = new URL(publicUrl)
  if (/^(?:localhost|127\.|\[::1\]$|10\.|192\.168\.)|\.(?:local|test|localhost)$/.test(hostname))
    return [
      {
        level: 'error',
        code: 'public-url-local',
        sentence: `Links in mails begin with ${publicUrl}, which nobody outside can open.`,
        next: 'Set `publicUrl` to the address people use.',
      },
    ]
  if (protocol === 'https:') return []
  return [
    {
      level: 'warning',
      code: 'public-url-in-the-clear',
      sentence: 'publicUrl begins with http: what visitors write can be read on the way.',
      next: 'Put TLS in front and set `publicUrl` to https: docs/self-hosting/README.md',
    },
  ]
}

/** The managers of the instance, where a form has none of its own. */
function checkManagers({ managers, transport }: Settings, forms: readonly CheckedForm[]): Finding[] {
  const isUsed = forms.length === 0 || forms.some(({ settings }) => settings.managers === undefined)
  if (!isUsed || transport === 'capture' || !managers.some(isSimulated)) return []
  return [
    {
      level: 'error',
      code: 'manager-simulated',
      sentence: 'A manager of the instance is at simulator.test, which only exists with transport: capture.',
      next: 'Correct `managers`.',
    },
  ]
}

function isSimulated(address: string): boolean {
  return domainOf(address) === 'simulator.test'
}

function checkForm(instance: Settings, { name, settings, variants }: CheckedForm): Finding[] {
  const findings: Finding[] = []
  const managers = settings.managers ?? instance.managers
  if (managers.length === 0)
    findings.push({
      level: 'error',
      code: 'no-managers',
      sentence: `Nobody is told of posts to the form ${name}.`,
      next: `Set \`managers\`, or \`forms.${name}.managers\`.`,
    })
  for (const [key, addresses] of [
    ['managers', settings.managers ?? []],
    ['route.to', Object.values(settings.route?.to ?? {}).flat()],
  ] as const)
    if (instance.transport !== 'capture' && addresses.some(isSimulated))
      findings.push({
        level: 'error',
        code: 'manager-simulated',
        sentence: `A manager of the form ${name} is at simulator.test, which only exists with transport: capture.`,
        next: `Correct \`forms.${name}.${key}\`.`,
      })
  const { thanks, origins = [] } = settings
  if (thanks !== undefined && /^https?:/i.test(thanks) && !mayLeadTo(thanks, [instance.publicUrl, ...origins]))
    findings.push({
      level: 'error',
      code: 'thanks-not-allowed',
      sentence: `The form ${name} sends nobody to ${originOf(thanks)}: it is not among its origins.`,
      next: `Add it to \`forms.${name}.origins\`.`,
    })
  const known = new Set(variants.flatMap(({ controls }) => controls.map((control) => control.name)))
  for (const [key, template] of templatesOf(settings)) {
    const inspected = inspectTemplate(template)
    if (!inspected.ok) {
      findings.push({
        level: 'error',
        code: 'template-broken',
        sentence: `The template forms.${name}.${key} can’t be used: ${inspected.reason}. The built-in text goes out instead.`,
        next: 'Correct it: docs/guide/forms.md',
      })
      continue
    }
    const unknown = known.size === 0 ? [] : unknownFields(template, known)
    for (const rule of new Set(unknown.map((fault) => fault.rule)))
      findings.push({
        level: 'warning',
        code: 'template-field-unknown',
        sentence: `The template forms.${name}.${key} ${rule}.`,
        next: 'Correct the name, or run `npx todoku forms sync` if the page changed.',
      })
  }
  return findings
}

function templatesOf({ confirmation, notification }: FormSettings): [key: string, template: string][] {
  const texts = (key: string, text: Localized | undefined): [string, string][] => {
    if (text === undefined) return []
    if (typeof text === 'string') return [[key, text]]
    return Object.entries(text).flatMap(([language, one]) => (one === undefined ? [] : [[`${key}.${language}`, one]]))
  }
  return [
    ...texts('confirmation.subject', confirmation?.subject),
    ...texts('confirmation.body', confirmation?.body),
    ...texts('notification.subject', notification?.subject),
    ...texts('notification.body', notification?.body),
  ]
}

function mayLeadTo(target: string, origins: readonly string[]): boolean {
  const origin = originOf(target)
  return origins.some((allowed) => originOf(allowed) === origin)
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase()
}
