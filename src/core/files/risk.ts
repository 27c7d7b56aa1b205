import type { StoredFile } from '../submissions/submission.ts'

/**
 * Why a file does not travel inside a mail: many servers refuse the whole mail for it, and a lead would be lost with it.
 * `program`: runs when it is opened; `script`: the same, as text; `markup`: a page that a browser would run scripts of;
 * `macros`: an office document with a program inside; `archive`: an archive with a program inside.
 */
export type FileRisk = 'program' | 'script' | 'markup' | 'macros' | 'archive'

/** By what a name ends with. Listed are the kinds that large providers refuse, and what browsers would run. */
export const riskyExtensions: Readonly<Record<Exclude<FileRisk, 'archive'>, readonly string[]>> = {
  program: [
    ...['ade', 'adp', 'apk', 'app', 'appinstaller', 'application', 'appx', 'appxbundle', 'cab', 'chm', 'class', 'cpl'],
    ...['com', 'deb', 'diagcab', 'dll', 'dmg', 'drv', 'elf', 'ex', 'ex_', 'exe', 'gadget', 'hlp', 'img', 'ins', 'iso'],
    ...['isp', 'jar', 'jnlp', 'lib', 'library-ms', 'lnk', 'mde', 'msc', 'msi', 'msix', 'msixbundle', 'msp', 'mst'],
    ...['nsh', 'ocx', 'pif', 'pkg', 'rpm', 'scf', 'scr', 'settingcontent-ms', 'sys', 'url', 'vhd', 'vhdx', 'vxd'],
    ...['webloc', 'xll'],
  ],
  script: [
    ...['bash', 'bat', 'cjs', 'cmd', 'command', 'csh', 'hta', 'inf', 'js', 'jse', 'mjs', 'ps1', 'ps1xml', 'psd1'],
    ...['psm1', 'reg', 'sct', 'sh', 'shb', 'shs', 'vb', 'vbe', 'vbs', 'ws', 'wsc', 'wsf', 'wsh', 'zsh'],
  ],
  markup: ['htm', 'html', 'mht', 'mhtml', 'shtm', 'shtml', 'svg', 'svgz', 'swf', 'xht', 'xhtml', 'xsl', 'xslt'],
  macros: [...['docm', 'dotm', 'potm', 'ppam', 'ppsm', 'pptm', 'sldm', 'xlam', 'xlm', 'xlsb', 'xlsm', 'xltm']],
}

const riskOfExtension = new Map(
  Object.entries(riskyExtensions).flatMap(([risk, extensions]) =>
    extensions.map((extension) => [extension, risk as Exclude<FileRisk, 'archive'>] as const),
  ),
)

/** What the name alone says. Windows leaves out dots and spaces at the end, so `setup.exe. ` is a program. */
export function hasRiskyName(fileName: string): Exclude<FileRisk, 'archive'> | null {
  return riskOfExtension.get(extensionOf(fileName)) ?? null
}

const riskOfContent: Readonly<Record<string, FileRisk>> = {
  'application/x-executable': 'program',
  'application/x-ms-shortcut': 'program',
  'application/vnd.ms-htmlhelp': 'program',
  'application/vnd.ms-cab-compressed': 'program',
  'text/x-script': 'script',
  'application/x-shockwave-flash': 'markup',
  'text/html': 'markup',
  'image/svg+xml': 'markup',
}

/** What the claim alone says; mail programs go by it where a name tells nothing. */
const riskyClaim =
  /^(?:text\/html|application\/xhtml\+xml|image\/svg\+xml|(?:text|application)\/(?:x-)?(?:java|ecma)script)$/

/** Whether a file stays out of mails, and why; by its content, its name and its claimed type. */
export function riskOf({
  fileName,
  type,
  content,
}: Pick<StoredFile, 'fileName' | 'type' | 'content'>): FileRisk | null {
  if (content?.holds === 'macros') return 'macros'
  if (content?.holds === 'program') return 'archive'
  const shown = content?.type === undefined ? undefined : riskOfContent[content.type]
  return shown ?? hasRiskyName(fileName) ?? (riskyClaim.test(essence(type)) ? 'markup' : null)
}

/** Types that a mail program may show by itself without harm. */
const plainTypes =
  /^(?:(?:audio|video|font)\/[\w.+-]+|image\/(?!svg)[\w.+-]+|text\/(?:plain|csv|tab-separated-values|calendar|vcard)|application\/(?:pdf|rtf|zip|gzip|json|msword|epub\+zip|vnd\.rar|x-7z-compressed|vnd\.(?:ms-(?:excel|powerpoint|word|project|visio|outlook)|openxmlformats|oasis)[\w.+-]*))$/

/** The type a file is attached with: the claimed one, as long as it is harmless and the content does not say otherwise. */
export function attachedType({ type, content }: Pick<StoredFile, 'type' | 'content'>): string {
  const claimed = essence(type)
  const found = content?.type
  if (plainTypes.test(claimed) && (found === undefined || isSameKind(claimed, found))) return claimed
  return found !== undefined && plainTypes.test(found) ? found : 'application/octet-stream'
}

/** What files that end so are; a file whose first bytes show something else is not what it says. */
const typeOfExtension: Readonly<Record<string, string>> = {
  pdf: 'application/pdf',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  heic: 'image/heic',
  heif: 'image/heic',
  avif: 'image/avif',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  mp3: 'audio/mpeg',
  m4a: 'audio/mp4',
  wav: 'audio/wav',
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
  zip: 'application/zip',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  odt: 'application/vnd.oasis.opendocument.text',
  ods: 'application/vnd.oasis.opendocument.spreadsheet',
  doc: 'application/msword',
  xls: 'application/vnd.ms-excel',
  ppt: 'application/vnd.ms-powerpoint',
  rtf: 'application/rtf',
  txt: 'text/plain',
  csv: 'text/csv',
}

/**
 * Whether a file is what a token of a file input's `accept` asks for (HTML §4.10.5.1.17): an extension, a type, or all
 * types of a kind; by its name and claimed type as browsers judge, and not against what its first bytes show.
 *
 * @param token lower case, as the page's rules have it
 */
export function fitsAccept(token: string, { fileName, type, content }: StoredFile): boolean {
  const claimed = essence(type)
  const found = content?.type
  if (token.startsWith('.')) {
    if (!fileName.toLowerCase().endsWith(token)) return false
    const expected = typeOfExtension[token.slice(1)]
    if (found === undefined) return true
    return expected === undefined
      ? !(found in riskOfContent) || hasRiskyName(token) !== null
      : isSameKind(expected, found)
  }
  if (token === '*/*') return true
  if (token.endsWith('/*')) {
    const kind = token.slice(0, -1)
    return claimed.startsWith(kind) && (found === undefined || isOfKind(kind, found))
  }
  return claimed === token && (found === undefined || isSameKind(token, found))
}

/** Sound and film share their containers. */
function isOfKind(kind: string, found: string): boolean {
  return found.startsWith(kind) || (/^(?:audio|video)\//.test(kind) && /^(?:audio|video)\//.test(found))
}

/** Whether content of type `found` may well be called `claimed`: aliases, and documents whose container is all one sees. */
function isSameKind(claimed: string, found: string): boolean {
  if (claimed === found) return true
  const kind = claimed.slice(0, claimed.indexOf('/') + 1)
  switch (found) {
    case 'application/zip':
      return /^application\/(?:x-zip(?:-compressed)?|epub\+zip|octet-stream|vnd\.(?:ms-|openxml|oasis)[\w.+-]*)$/.test(
        claimed,
      )
    case 'application/x-ole-storage':
      return /^application\/(?:msword|octet-stream|vnd\.(?:ms-|openxml)[\w.+-]*)$/.test(claimed)
    case 'application/gzip':
      return /^application\/(?:x-gzip|x-tar|x-compressed-tar|octet-stream)$/.test(claimed)
    // What text begins with does not make it something else to those who wanted text.
    case 'text/x-script':
    case 'text/xml':
    case 'application/rtf':
      return /^(?:text\/(?!html)|application\/(?:xml|octet-stream|msword|[\w.-]+\+xml$))/.test(claimed)
    case 'image/jpeg':
      return claimed === 'image/jpg' || claimed === 'image/pjpeg'
    case 'image/heic':
      return claimed.startsWith('image/hei')
    default:
      return /^(?:audio|video)\/$/.test(kind) && isOfKind(kind, found)
  }
}

function essence(type: string): string {
  return type.toLowerCase().split(';', 1)[0]?.trim() ?? ''
}

function extensionOf(fileName: string): string {
  const name = fileName
    .slice(-100)
    .toLowerCase()
    .replace(/[.\s\0]+$/, '')
  return name.slice(name.lastIndexOf('.') + 1)
}
