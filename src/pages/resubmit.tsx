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
  return renderPage(
    <Layout language={props.language} title={props.sentence} mood="bad">
      <h1>{props.sentence}</h1>
      <p>{props.next}</p>
      {props.formErrors.map((error) => (
        <p class="notice" role="alert" key={error}>
          {error}
        </p>
      ))}
      <form method="post" action={props.action} {...(upload ? { encType: 'multipart/form-data' } : {})} novalidate>
        {props.hidden.map(({ name, value }) => (
          <input type="hidden" name={name} value={value} key={name} />
        ))}
        {props.fields.map((field, index) => (
          <Field field={field} id={`field-${index}`} key={`${field.name}-${index}`} />
        ))}
        {props.leftOut.map(({ value, error }, index) => (
          <div class="field" key={index}>
            <p class="error">{error}</p>
            <p>{value}</p>
          </div>
        ))}
        {props.files.map(({ label, fileName }) => (
          <p key={`${label}-${fileName}`}>
            {label}: <strong>{fileName}</strong> <span class="soft">({words.kept})</span>
          </p>
        ))}
        {props.fileFields.map(({ name, label, error, multiple }) => (
          <div class="field" key={name}>
            <label for={`file-${name}`}>{label}</label>
            <input
              id={`file-${name}`}
              type="file"
              name={name}
              multiple={multiple}
              aria-invalid={error === null ? undefined : 'true'}
            />
            {error !== null && <p class="error">{error}</p>}
          </div>
        ))}
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

function Field({ field, id }: { field: ResubmitField; id: string }) {
  if (field.hidden) return <input type="hidden" name={field.name} value={field.value} />
  const wrong: Wrong = field.error === null ? {} : { 'aria-invalid': 'true', 'aria-describedby': `${id}-error` }
  if (field.kind === 'checkbox') {
    return (
      <div class="field">
        <label>
          <input
            type="checkbox"
            name={field.name}
            value={field.value}
            checked={field.checked}
            required={field.required}
            {...wrong}
          />{' '}
          {field.label}
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

type Wrong = { 'aria-invalid'?: 'true'; 'aria-describedby'?: string }

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
