// Files on pages: what was given, each with its fingerprint and a link that downloads it; and the field that takes more.
import { ACCEPTED, ACCEPTED_IN_WORDS, MAX_FILE_BYTES } from '../../api/file-types.ts';
import type { StoredFile } from '../../db/files.ts';
import { formatSize } from '../format.ts';
import type { Reader } from '../reader.ts';
import { CopyableId, Moment } from './basics.tsx';
import { described, Field } from './form.tsx';

export function FileList({ reader, title, files }: { reader: Reader; title: string; files: readonly StoredFile[] }) {
  return files.length === 0 ? null : (
    <div class="files">
      <p class="quiet">{title}</p>
      <ul class="plain-list">
        {files.map((file) => (
          <li>
            <a href={`/files/${file.id}`} download={file.name}>
              {file.name}
            </a>{' '}
            <span class="quiet">
              {formatSize(file.size)}
              {file.attached_at === null ? null : (
                <>
                  , <Moment reader={reader} at={file.attached_at} />
                </>
              )}
            </span>
            <details>
              <summary>Fingerprint (SHA-256)</summary>
              <CopyableId id={file.sha256} />
            </details>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface FileFieldProps {
  reader: Reader;
  label: string;
  hint: string;
  /** Uploaded already by a try that was refused: they need not be chosen again. */
  files: readonly StoredFile[];
}

export function FileField({ label, hint, files }: FileFieldProps) {
  const words = `${hint} ${ACCEPTED_IN_WORDS}; at most ${formatSize(MAX_FILE_BYTES)} each.`;
  return (
    <>
      {files.length === 0 ? null : (
        <fieldset class="kept">
          <legend>Already uploaded</legend>
          {files.map((file) => (
            <label class="choice">
              <input type="checkbox" name="file_ids" value={file.id} checked />
              {file.name} ({formatSize(file.size)})
            </label>
          ))}
        </fieldset>
      )}
      <Field id="files" label={label} hint={words}>
        <input
          id="files"
          type="file"
          name="files"
          multiple
          accept={ACCEPTED}
          {...described('files', words, undefined)}
        />
      </Field>
    </>
  );
}
