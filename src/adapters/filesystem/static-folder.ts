import { type FileHandle, open, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'

const types: Readonly<Record<string, string>> = {
  '.avif': 'image/avif',
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html',
  '.htm': 'text/html',
  '.ico': 'image/x-icon',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
  '.xml': 'application/xml',
}

export type StaticFile = { content: Uint8Array; type: string; etag: string }

/**
 * The file that a request path means below a folder: the file itself, the path with `.html`, or `index.html` of a
 * folder. Null for what is not there, what begins with a dot, and what lies outside, behind a link too.
 */
export async function readStatic(folder: string, requestPath: string): Promise<StaticFile | null> {
  let path: string
  try {
    path = decodeURIComponent(requestPath)
  } catch {
    return null
  }
  const parts = path.split('/').filter((part) => part !== '')
  if (path.includes('\0') || path.includes('\\') || parts.some((part) => part.startsWith('.'))) return null
  const base = join(folder, ...parts)
  const candidates = path.endsWith('/') ? [join(base, 'index.html')] : [base, `${base}.html`]
  for (const candidate of candidates) {
    const file = await readInside(folder, candidate)
    if (file !== null) return file
  }
  return null
}

async function readInside(folder: string, path: string): Promise<StaticFile | null> {
  let file: FileHandle | null = null
  try {
    const [root, target] = await Promise.all([realpath(folder), realpath(path)])
    if (target !== root && !target.startsWith(root + sep)) return null
    file = await open(target, 'r')
    const info = await file.stat()
    if (!info.isFile()) return null
    return {
      content: await file.readFile(),
      // The page itself says its encoding; many Japanese ones are not UTF-8.
      type: types[extname(target).toLowerCase()] ?? 'application/octet-stream',
      etag: `"${info.size.toString(36)}-${Math.floor(info.mtimeMs).toString(36)}"`,
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return null
    throw error
  } finally {
    await file?.close()
  }
}

/** Whether a request for a folder lacks its slash; relative links of its page would lead elsewhere. */
export async function isFolderWithoutSlash(folder: string, requestPath: string): Promise<boolean> {
  if (requestPath.endsWith('/')) return false
  return (await readStatic(folder, `${requestPath}/`)) !== null
}

const skipped = new Set(['node_modules'])

/** Every HTML file below a folder as a page: its path below the folder and its bytes. Links are not followed. */
export async function readPages(folder: string): Promise<{ path: string; bytes: Uint8Array }[]> {
  const pages: { path: string; bytes: Uint8Array }[] = []
  for (const { path, file } of await pageFiles(folder)) pages.push({ path, bytes: await readFile(file) })
  return pages
}

/** Changes when a page was written, added, renamed or removed; costs no reading of pages. */
export async function fingerprint(folder: string): Promise<string> {
  const lines: string[] = []
  for (const { path, file } of await pageFiles(folder)) {
    const { ino, size, mtimeMs } = await stat(file)
    lines.push(`${path} ${ino} ${size} ${mtimeMs}`)
  }
  return lines.join('\n')
}

async function pageFiles(folder: string): Promise<{ path: string; file: string }[]> {
  const found: { path: string; file: string }[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    const parts = relative(folder, file).split(sep)
    if (!entry.isFile() || !/\.x?html?$/i.test(entry.name)) continue
    if (parts.some((part) => part.startsWith('.') || skipped.has(part))) continue
    found.push({ path: `/${parts.join('/')}`, file })
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Whether a path is a folder that can be read. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
