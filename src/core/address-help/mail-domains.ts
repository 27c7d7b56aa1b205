/**
 * Who has mail at a domain. `free`: whoever wants to, or every customer of a carrier, by the provider's own servers only (its
 * DMARC policy says so, or receivers act as if it did); `shared`: the customers of an access provider or a smaller service;
 * `organisation`: the people of one.
 */
type MailDomainKind = 'free' | 'shared' | 'organisation'

/**
 * Domains that people really have mail at, in groups of one provider or country; `family` spells out one name under many
 * endings.
 */
const known: ReadonlyMap<string, MailDomainKind> = new Map([
  ...marked('free', [
    // Mobile carriers in Japan.
    ...words('docomo.ne.jp ezweb.ne.jp au.com softbank.ne.jp i.softbank.jp ymobile.ne.jp'),
    // Worldwide.
    ...words('gmail.com googlemail.com icloud.com me.com mac.com'),
    ...family(
      'yahoo',
      'com co.jp ne.jp co.uk fr de it es ca in co.in co.id co.kr co.nz co.th co.za com.ar com.au com.br',
    ),
    ...family('yahoo', 'com.cn cn com.hk com.mx com.ph com.sg com.tr com.tw com.vn gr ie no pl ro se dk be nl'),
    ...words('ymail.com rocketmail.com myyahoo.com aol.com aim.com aol.jp aol.de aol.fr aol.co.uk'),
    ...family('hotmail', 'com co.jp co.uk fr de it es be nl ca se no dk fi gr ch at com.ar com.au com.br com.tr co.nz'),
    ...family(
      'outlook',
      'com jp fr de it es be dk ie at cl cz hu kr lv pt sg sk ph my sa in com.ar com.au com.br com.gr',
    ),
    ...family('outlook', 'com.tr com.vn co.id co.il co.th'),
    ...family(
      'live',
      'com jp co.uk fr de it nl be se no dk fi ca ie at cl cn in hk ru co.kr co.za com.ar com.au com.mx',
    ),
    ...family('live', 'com.my com.ph com.pt com.sg'),
    ...words('msn.com windowslive.com'),
    ...family('gmx', 'com de net at ch fr es us org eu info biz li pt ie it tm co.uk'),
    ...words('web.de proton.me pm.me protonmail.com protonmail.ch mail.com zoho.com zohomail.com'),
    ...words('mail.ru bk.ru list.ru inbox.ru internet.ru'),
    ...family('yandex', 'ru com by kz ua uz com.tr'),
    ...words('ya.ru qq.com vip.qq.com foxmail.com 163.com 126.com yeah.net naver.com'),
  ]),
  ...marked('shared', [
    // Mobile carriers in Japan, with the names they had before.
    ...words('ymobile1.ne.jp uqmobile.jp'),
    ...words('rakuten.jp rakumail.jp disney.ne.jp vodafone.ne.jp emnet.ne.jp emobile.ne.jp pdx.ne.jp willcom.com'),
    ...words('ido.ne.jp mopera.net auone.jp auone-net.jp bmobile.ne.jp mineo.jp iijmio-mail.jp mobile.rakuten.co.jp'),
    ...words('jp-c.ne.jp jp-d.ne.jp jp-h.ne.jp jp-k.ne.jp jp-n.ne.jp jp-q.ne.jp jp-r.ne.jp jp-s.ne.jp jp-t.ne.jp'),
    // Access providers and portals in Japan.
    ...words('nifty.com nifty.ne.jp nifty.jp biglobe.ne.jp biglobe.jp biglobe.co.jp ocn.ne.jp ocn.jp so-net.ne.jp'),
    ...words('so-net.jp plala.or.jp dion.ne.jp odn.ne.jp odn.jp asahi-net.or.jp asahinet.jp eonet.ne.jp zaq.ne.jp'),
    ...words(
      'zaq.jp home.ne.jp commufa.jp hi-ho.ne.jp wakwak.com t-com.ne.jp tnc.ne.jp tiki.ne.jp ybb.ne.jp sannet.ne.jp',
    ),
    ...words(
      'ksj.ne.jp kcn.jp kcn.ne.jp infoseek.jp infoseek.to goo.jp goo.ne.jp excite.co.jp livedoor.com mail.goo.ne.jp',
    ),
    ...words('iij4u.or.jp interlink.or.jp mbn.or.jp justnet.ne.jp highway.ne.jp dti.ne.jp megaegg.ne.jp mctv.ne.jp'),
    ...words('bbiq.jp qtnet.ne.jp cty-net.ne.jp catvy.ne.jp nns.ne.jp ctt.ne.jp coara.or.jp cyberhome.ne.jp tees.jp'),
    // Worldwide.
    ...words('passport.com passport.net love.com verizon.net'),
    ...words('freenet.de t-online.de mail.de posteo.de posteo.net mailbox.org arcor.de email.de tutanota.com'),
    ...words('tutanota.de tuta.com tuta.io tutamail.com keemail.me'),
    ...words('fastmail.com fastmail.fm fastmail.jp fastmail.net messagingengine.com hey.com'),
    ...words('email.com usa.com post.com consultant.com engineer.com cheerful.com hushmail.com hush.com'),
    ...words('inbox.com lycos.com mail.ee runbox.com startmail.com mailfence.com duck.com mozmail.com'),
    ...words('privaterelay.appleid.com simplelogin.com riseup.net disroot.org skiff.com cock.li titan.email'),
    ...words('att.net sbcglobal.net bellsouth.net comcast.net cox.net charter.net'),
    ...words(
      'spectrum.net rr.com optonline.net optimum.net earthlink.net frontier.com windstream.net juno.com netzero.net',
    ),
    ...words(
      'centurylink.net q.com suddenlink.net twc.com roadrunner.com rogers.com shaw.ca telus.net sympatico.ca bell.net',
    ),
    ...words(
      'videotron.ca btinternet.com btopenworld.com sky.com virginmedia.com ntlworld.com blueyonder.co.uk talktalk.net',
    ),
    ...words(
      'orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr libero.it virgilio.it tiscali.it alice.it',
    ),
    ...words('tin.it telefonica.net ziggo.nl kpnmail.nl planet.nl xs4all.nl home.nl telenet.be skynet.be proximus.be'),
    ...words(
      'bluewin.ch bigpond.com bigpond.net.au optusnet.com.au iinet.net.au xtra.co.nz uol.com.br bol.com.br terra.com.br',
    ),
    ...words('wp.pl o2.pl onet.pl interia.pl op.pl seznam.cz centrum.cz email.cz abv.bg mail.bg ukr.net i.ua'),
    ...words('rambler.ru 139.com 189.cn sina.com sina.cn sohu.com aliyun.com'),
    ...words('daum.net hanmail.net nate.com kakao.com korea.com rediffmail.com pchome.com.tw hinet.net'),
    ...words('netvigator.com singnet.com.sg'),
  ]),
  ...marked('organisation', [
    // Of the companies behind the ones above.
    ...words('nttdocomo.com softbank.co.jp softbank.jp kddi.com rakuten.co.jp rakuten.com'),
    ...words('google.com apple.com microsoft.com comcast.com verizon.com cox.com duckduckgo.com line.com'),
    // Real names of others that are one letter from one of the above.
    ...words('cloud.com gail.com'),
  ]),
])

/** What is known of a domain (lower case), or of the nearest one above it: `mx3.example.ocn.ne.jp` is like `ocn.ne.jp`. */
function kindOf(domain: string): MailDomainKind | null {
  for (let name = domain; name !== ''; name = parentOf(name)) {
    const kind = known.get(name)
    if (kind !== undefined) return kind
  }
  return null
}

/** Whether mail is known to be taken at a domain (lower case) or at one above it. Addresses there are never questioned. */
export function isKnownMailDomain(domain: string): boolean {
  return kindOf(domain) !== null
}

/** Whether the people at a domain (lower case), or at one above it, have nothing in common but their provider. */
export function isSharedMailDomain(domain: string): boolean {
  const kind = kindOf(domain)
  return kind === 'free' || kind === 'shared'
}

/** Whether mail from a domain (lower case) counts as genuine only where it comes from the provider's own servers. */
export function isFreeMailDomain(domain: string): boolean {
  return known.get(domain) === 'free'
}

/**
 * How one provider lets a mailbox be written: all of `domains` lead to the same one, of which `domains[0]` stands for them;
 * a tag begins with `tag`; where `fold` is set, its characters are all read as its replacement.
 */
type MailboxSpelling = {
  domains: readonly [string, ...string[]]
  tag: '+' | '-'
  fold?: { pattern: RegExp; as: '' | '-' }
}

const mailboxSpellings: readonly MailboxSpelling[] = [
  { domains: ['gmail.com', 'googlemail.com'], tag: '+', fold: { pattern: /\./g, as: '' } },
  {
    domains: ['proton.me', 'protonmail.com', 'pm.me', 'protonmail.ch'],
    tag: '+',
    fold: { pattern: /[._-]/g, as: '' },
  },
  { domains: ['icloud.com', 'me.com', 'mac.com'], tag: '+' },
  {
    domains: [
      'yandex.com',
      ...['yandex.ru', 'ya.ru', 'yandex.by', 'yandex.kz', 'yandex.ua', 'yandex.uz', 'yandex.com.tr'],
    ],
    tag: '+',
    fold: { pattern: /\./g, as: '-' },
  },
  { domains: ['yahoo.com'], tag: '-' },
  { domains: ['yahoo.co.jp'], tag: '-' },
  { domains: ['ymail.com'], tag: '-' },
]

const spellingOf: ReadonlyMap<string, MailboxSpelling> = new Map(
  mailboxSpellings.flatMap((spelling) => spelling.domains.map((domain) => [domain, spelling] as const)),
)

/**
 * The one spelling that stands for all of a mailbox's: without its tag, and as its provider reads it. Where nothing is
 * known of the provider, what follows a `+` is taken to be a tag.
 *
 * @param local in lower case, without quotes
 * @param domain in lower case, as A-labels
 */
export function canonicalMailbox(local: string, domain: string): [local: string, domain: string] {
  const { tag, fold, domains } = spellingOf.get(domain) ?? { tag: '+', fold: undefined, domains: [domain] }
  const [untagged = ''] = local.split(tag)
  const name = untagged === '' ? local : untagged
  const folded = fold === undefined ? name : name.replace(fold.pattern, fold.as)
  return [folded === '' ? name : folded, domains[0] ?? domain]
}

function parentOf(domain: string): string {
  const dot = domain.indexOf('.')
  return dot === -1 ? '' : domain.slice(dot + 1)
}

/**
 * Domains whose misspellings are looked for, those that are written most often first: among equally likely ones the
 * first is suggested. Left out are short names and everyday words (`sky.com`, `rogers.com`), which real domains of
 * others resemble.
 */
export const oftenMistyped: readonly string[] = [
  ...words(
    'gmail.com yahoo.co.jp docomo.ne.jp ezweb.ne.jp icloud.com softbank.ne.jp i.softbank.jp hotmail.com outlook.jp',
  ),
  ...words('outlook.com hotmail.co.jp yahoo.com ymobile.ne.jp au.com nifty.com ocn.ne.jp biglobe.ne.jp so-net.ne.jp'),
  ...words(
    'plala.or.jp dion.ne.jp rakuten.jp uqmobile.jp live.jp msn.com me.com yahoo.ne.jp googlemail.com aol.com live.com',
  ),
  ...words('asahi-net.or.jp eonet.ne.jp commufa.jp infoseek.jp excite.co.jp rakumail.jp nifty.ne.jp'),
  ...words('proton.me protonmail.com fastmail.com comcast.net verizon.net sbcglobal.net bellsouth.net att.net'),
  ...words(
    'optonline.net earthlink.net btinternet.com virginmedia.com rocketmail.com ymail.com yandex.com yahoo.co.uk',
  ),
  ...words('hotmail.co.uk hotmail.fr yahoo.fr t-online.de wanadoo.fr laposte.net libero.it seznam.cz'),
]

const japanese = words('jp co.jp ne.jp or.jp ac.jp go.jp')
const anywhere = [...japanese, ...words('com net org co ne ne.com co.com com.jp')]

/** Names that have mail under one ending only: where they stand, and the endings that people give them instead. */
export const misplaced: ReadonlyMap<string, string> = new Map([
  ...under('gmail', [...anywhere, ...words('de fr us uk co.uk info me cn kr tw')], 'gmail.com'),
  ...under('icloud', anywhere, 'icloud.com'),
  ...under('docomo', anywhere, 'docomo.ne.jp'),
  ...under('ezweb', anywhere, 'ezweb.ne.jp'),
  ...under('ymobile', anywhere, 'ymobile.ne.jp'),
  ...under('uqmobile', anywhere, 'uqmobile.jp'),
  ...under('plala', anywhere, 'plala.or.jp'),
  ...under('biglobe', anywhere, 'biglobe.ne.jp'),
  ...under('softbank', words('or.jp ac.jp go.jp'), 'softbank.ne.jp'),
  ...under('i.softbank', anywhere, 'i.softbank.jp'),
  ...under('yahoo', [...japanese, 'com.jp'], 'yahoo.co.jp'),
  ...under('hotmail', [...japanese, 'com.jp'], 'hotmail.co.jp'),
  ...under('outlook', [...japanese, 'com.jp'], 'outlook.jp'),
  ...under('live', [...japanese, 'com.jp'], 'live.jp'),
  ...under('au', japanese, 'au.com'),
])

/** A name with each of the endings, leading to its right place. What exists is nobody's mistake. */
function under(name: string, endings: readonly string[], place: string): [string, string][] {
  const wrong = endings.map((ending) => `${name}.${ending}`).filter((domain) => !known.has(domain))
  return wrong.map((domain) => [domain, place])
}

function family(name: string, endings: string): string[] {
  return words(endings).map((ending) => `${name}.${ending}`)
}

function marked(kind: MailDomainKind, domains: readonly string[]): [string, MailDomainKind][] {
  return domains.map((domain) => [domain, kind])
}

function words(text: string): string[] {
  return text.split(' ')
}
