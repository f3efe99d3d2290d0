// Forms that POST: each carries the session's token, and, where it gives a command, the key that makes a double click one.
import { randomUUID } from 'node:crypto';
import type { Child } from 'hono/jsx';
import type { Reader } from '../reader.ts';

interface FormProps {
  reader: Reader;
  action: string;
  /** Set for commands. `newKey()`, or the same one again while an outcome is not known. */
  commandKey?: string | undefined;
  class?: string;
  /** It may carry files. */
  files?: boolean;
  children: Child;
}

export const newKey = (): string => randomUUID();

export function Form({ reader, action, commandKey, class: name, files = false, children }: FormProps) {
  const encoding = files ? ({ enctype: 'multipart/form-data' } as const) : {};
  return (
    <form method="post" action={action} {...(name === undefined ? {} : { class: name })} {...encoding}>
      <input type="hidden" name="csrf" value={reader.csrfToken} />
      {commandKey === undefined ? null : <input type="hidden" name="key" value={commandKey} />}
      {children}
    </form>
  );
}

interface FieldProps {
  id: string;
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  children: Child;
}

/** A label, what it takes, what is wrong with it, and the control, which names them by `described(id)`. */
export function Field({ id, label, hint, error, children }: FieldProps) {
  return (
    <div class={error === undefined ? 'field' : 'field wrong'}>
      <label for={id}>{label}</label>
      {hint === undefined ? null : (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error === undefined ? null : (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
      {children}
    </div>
  );
}

/** The attributes that tie a control to its hint and its error. */
export function described(id: string, hint: unknown, error: unknown): Record<string, string> {
  const ids = [hint === undefined ? '' : `${id}-hint`, error === undefined ? '' : `${id}-error`].filter(Boolean);
  return {
    ...(ids.length > 0 ? { 'aria-describedby': ids.join(' ') } : {}),
    ...(error === undefined ? {} : { 'aria-invalid': 'true' }),
  };
}

interface TextFieldProps {
  name: string;
  label: string;
  hint?: string;
  value: string | undefined;
  required?: boolean;
  rows?: number;
}

export function TextField({ name, label, hint, value, required = false, rows = 3 }: TextFieldProps) {
  return (
    <Field id={name} label={label} hint={hint}>
      <textarea id={name} name={name} rows={rows} required={required} {...described(name, hint, undefined)}>
        {value ?? ''}
      </textarea>
    </Field>
  );
}

interface TextInputProps {
  name: string;
  id?: string;
  label: string;
  value: string;
  error?: string | undefined;
  hint?: string | undefined;
  type?: 'text' | 'email' | 'date';
  inputmode?: 'decimal';
  required?: boolean;
  /** Suggests the sandbox's people: the page holds the list `emails`. */
  list?: boolean;
}

export function TextInput({ name, id = name, label, value, error, hint, type = 'text', inputmode, required = false, list = false }: TextInputProps) {
  return (
    <Field id={id} label={label} hint={hint} error={error}>
      <input id={id} name={name} type={type} value={value} autocomplete="off" required={required} {...(inputmode === undefined ? {} : { inputmode })} {...(list ? { list: 'emails' } : {})} {...described(id, hint, error)} />
    </Field>
  );
} // prettier-ignore

interface SelectFieldProps {
  name: string;
  id?: string;
  label: string;
  value: string;
  error?: string | undefined;
  hint?: string | undefined;
  options: readonly (readonly [value: string, label: string])[];
}

export function SelectField({ name, id = name, label, value, error, hint, options }: SelectFieldProps) {
  return (
    <Field id={id} label={label} hint={hint} error={error}>
      <select id={id} name={name} {...described(id, hint, error)}>
        {options.map(([option, text]) => (
          <option value={option} selected={option === value}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}
