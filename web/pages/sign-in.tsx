// Sign in: by e-mail and password; in the sandbox also with one click as any of its made-up people.
import { Layout } from '../parts/layout.tsx';
import { ErrorState, Notice } from '../parts/basics.tsx';
import { Field } from '../parts/form.tsx';
import type { SandboxPerson } from '../sandbox-people.ts';

interface SignInProps {
  next: string | null;
  people: readonly SandboxPerson[];
  /** An identity provider is set. */
  oidc: boolean;
  email?: string | undefined;
  notice?: string | undefined;
  problem?: string | undefined;
}

const KNOWN: Record<string, string> = {
  buyer: 'The buyer',
  seller: 'The seller',
  seller2: 'A second seller',
  seller3: 'A third seller',
  ops: 'Staff (ops)',
  ops2: 'A second of the staff',
  auditor: 'The auditor (reads only)',
};

export function SignInPage({ next, people, oidc, email, notice, problem }: SignInProps) {
  const goesOn = next === null ? null : <input type="hidden" name="next" value={next} />;
  return (
    <Layout title="Sign in" reader={null}>
      <div class="narrow">
        <h1>Sign in</h1>
        <Notice text={notice} />
        {problem === undefined ? null : (
          <ErrorState title="You are not signed in">
            <p>{problem}</p>
          </ErrorState>
        )}
        <form method="post" action="/sign-in" class="card">
          {goesOn}
          <Field id="email" label="E-mail">
            <input id="email" name="email" type="email" autocomplete="username" required value={email ?? ''} />
          </Field>
          <Field id="password" label="Password">
            <input id="password" name="password" type="password" autocomplete="current-password" required />
          </Field>
          <button type="submit">Sign in</button>
          <p>
            <a href="/reset/ask">I forgot my password</a>
          </p>
        </form>
        {oidc ? (
          <p>
            <a class="button second" href={`/sign-in/oidc${next === null ? '' : `?next=${encodeURIComponent(next)}`}`}>
              Staff: sign in by identity provider
            </a>
          </p>
        ) : null}
        {people.length === 0 ? null : (
          <section class="card" aria-labelledby="sandbox">
            <h2 id="sandbox">Sandbox: sign in as</h2>
            <p class="quiet">These people are made up, and no real money moves. One click is enough.</p>
            <form method="post" action="/sign-in/as" class="choices">
              {goesOn}
              {people.map(({ name, email: address }) => (
                <button class="second" type="submit" name="person" value={name}>
                  {KNOWN[name] ?? name}
                  <span class="quiet">{address}</span>
                </button>
              ))}
            </form>
          </section>
        )}
      </div>
    </Layout>
  );
}
