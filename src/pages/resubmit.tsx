import { Layout, type PageLanguage, renderPage } from './layout.tsx'

/** A field as it was posted, with what its page says about it and what was wrong. */
export type ResubmitField = {
  name: string
  label: string
  kind: string
  value: string
  /** Of a checkbox. */
  checked: boolean
  required: boolean
  /** Choices of a select or a radio group. */
  options: readonly string[] | null
  error: string | null
  /** Not part of the page's visible form: carried along as it is. */
  hidden: boolean
}

export type ResubmitProps = {
  language: PageLanguage
  /** What happened, and what to do. */
  sentence: string
  next: string
  status: number
  code: string
  /** Where the form posts to. */
  action: string
  fields: readonly ResubmitField[]
  /** What the form does not take, as text: it is not posted again. */
  leftOut: readonly { value: string; error: string }[]
  /** Uploads that are kept and need not be chosen again. */
  files: readonly { label: string; fileName: string }[]
  /** File fields to choose from (again). */
  fileFields: readonly { name: string; label: string; error: string | null; multiple: boolean }[]
  /** Errors that belong to no field. */
  formErrors: readonly string[]
  /** Control fields of the post, and the sealed list of kept uploads. */
  hidden: readonly { name: string; value: string }[]
}

/** A form again with everything that was typed, so that one mistake costs one correction. */
export function renderResubmit(props: ResubmitProps): string {
  const words = texts[props.language]
  const upload = props.fileFields.length > 0
  const focused = firstToMend(props)
  const chosen = new Set(props.fileFields.map(({ label }) => label))
  return renderPage(
    <Layout language={props.language} title={props.sentence} mood="bad">
      <h1>{props.sentence}</h1>
      <p>{props.next}</p>
      {props.formErrors.length > 0 && (
        <div class="notice" role="alert" tabIndex={-1} autofocus={focused === 'form'}>
          {props.formErrors.map((error) => (
            <p key={error}>{error}</p>
          ))}
        </div>
      )}
      <form method="post" action={props.action} {...(upload ? { encType: 'multipart/form-data' } : {})} novalidate>
        {props.hidden.map(({ name, value }) => (
          <input type="hidden" name={name} value={value} key={name} />
        ))}
        {props.fields.map((field, index) => (
          <Field field={field} id={`field-${index}`} focused={focused === field} key={`${field.name}-${index}`} />
        ))}
        {props.leftOut.map(({ value, error }, index) => (
          <div class="field" key={index}>
            <p class="error">{error}</p>
            <p>
              <bdi>{value}</bdi>
            </p>
          </div>
        ))}
        {props.files
          .filter(({ label }) => !chosen.has(label))
          .map(({ label, fileName }) => (
            <p key={`${label}-${fileName}`}>
              {label}: <Kept fileName={fileName} note={words.kept} />
            </p>
          ))}
        {props.fileFields.map((field, index) => {
          const { name, label, error, multiple } = field
          const id = `file-${index}`
          return (
            <div class="field" key={name}>
              <label for={id}>{label}</label>
              {props.files
                .filter((file) => file.label === label)
                .map(({ fileName }) => (
                  <p class="kept" key={fileName}>
                    <Kept fileName={fileName} note={words.kept} />
                  </p>
                ))}
              <input
                id={id}
                type="file"
                name={name}
                multiple={multiple}
                autofocus={focused === field}
                {...(error === null ? {} : { 'aria-invalid': 'true', 'aria-describedby': `${id}-error` })}
              />
              {error !== null && (
                <p class="error" id={`${id}-error`}>
                  {error}
                </p>
              )}
            </div>
          )
        })}
        <div>
          <button type="submit">{words.send}</button>
        </div>
      </form>
      <p class="foot">
        {props.status} · {props.code}
      </p>
    </Layout>,
  )
}

/** Where the page begins to be mended, and so where the keyboard is when it opens. Works without script. */
function firstToMend({ formErrors, fields, fileFields }: ResubmitProps) {
  if (formErrors.length > 0) return 'form'
  return (
    fields.find(({ hidden, error }) => !hidden && error !== null) ??
    fileFields.find(({ error }) => error !== null) ??
    null
  )
}

function Kept({ fileName, note }: { fileName: string; note: string }) {
  return (
    <>
      <strong>
        <bdi>{fileName}</bdi>
      </strong>{' '}
      <span class="soft">({note})</span>
    </>
  )
}

function Field({ field, id, focused }: { field: ResubmitField; id: string; focused: boolean }) {
  if (field.hidden) return <input type="hidden" name={field.name} value={field.value} />
  const wrong: Wrong = {
    ...(field.error === null ? {} : { 'aria-invalid': 'true', 'aria-describedby': `${id}-error` }),
    ...(focused ? { autofocus: true } : {}),
  }
  if (field.kind === 'checkbox') {
    return (
      <div class="field">
        <label class="tick">
          <input
            type="checkbox"
            name={field.name}
            value={field.value}
            checked={field.checked}
            required={field.required}
            {...wrong}
          />
          <span>{field.label}</span>
        </label>
        <FieldError field={field} id={id} />
      </div>
    )
  }
  return (
    <div class="field">
      <label for={id}>{field.label}</label>
      <Control field={field} id={id} wrong={wrong} />
      <FieldError field={field} id={id} />
    </div>
  )
}

function FieldError({ field, id }: { field: ResubmitField; id: string }) {
  if (field.error === null) return null
  return (
    <p class="error" id={`${id}-error`}>
      {field.error}
    </p>
  )
}

type Wrong = { 'aria-invalid'?: 'true'; 'aria-describedby'?: string; autofocus?: true }

function Control({ field, id, wrong }: { field: ResubmitField; id: string; wrong: Wrong }) {
  const { name, kind, options, required } = field
  const value = field.value.replace(/\r\n?/g, '\n')
  if (kind === 'textarea' || value.includes('\n')) {
    return (
      <textarea id={id} name={name} required={required} {...wrong}>
        {/* The first line break after the tag is not part of the text (HTML §13.1.2.5). */}
        {value.startsWith('\n') ? `\n${value}` : value}
      </textarea>
    )
  }
  if (options !== null) {
    const all = options.includes(value) ? options : [value, ...options]
    return (
      <select id={id} name={name} required={required} {...wrong}>
        {all.map((option) => (
          <option value={option} selected={option === value} key={option}>
            {option}
          </option>
        ))}
      </select>
    )
  }
  if (kind === 'password')
    return <input id={id} name={name} type="password" value={value} required={required} {...wrong} />
  // Text: the controls for numbers, dates and addresses would hide or change what was typed wrongly.
  const keyboard = kind === 'email' || kind === 'tel' || kind === 'url' ? { inputMode: kind } : {}
  return <input id={id} name={name} type="text" value={value} required={required} {...keyboard} {...wrong} />
}

const texts = {
  en: { send: 'Send again', kept: 'kept, no need to choose it again' },
  ja: { send: 'もう一度送信する', kept: '保存済みです。選び直す必要はありません' },
}
