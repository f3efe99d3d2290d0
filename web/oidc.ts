// Signing in by an identity provider (OpenID Connect, authorization code with PKCE): for ops and auditors who have an
// account here already. The provider says who it is, and answers for the second factor.
import * as oidc from 'openid-client';
import type { Settings } from '../config/settings.ts';
import type { Queryable } from '../db/client.ts';
import { findPerson, type Person } from '../db/people.ts';

export interface OidcStart {
  /** Where the browser goes. */
  url: URL;
  /** What its return must match; kept in the browser's own cookie. */
  kept: { verifier: string; state: string; nonce: string };
}

export interface OidcClaims {
  /** Issuer and subject: the only thing that never changes hands. */
  subject: string;
  /** Null where the provider has not verified it. */
  email: string | null;
}

export interface OidcProvider {
  /** `again`: the provider must ask the person, even one whom it knows. */
  start(again: boolean): Promise<OidcStart>;
  /** @throws whatever of the answer does not match */
  finish(returned: URL, kept: OidcStart['kept']): Promise<OidcClaims>;
}

const SCOPE = 'openid email';

export function oidcProvider(settings: Pick<Settings, 'oidc' | 'publicUrl'>): OidcProvider | null {
  if (settings.oidc === undefined) return null;
  const { issuer, clientId, clientSecret } = settings.oidc;
  let found: Promise<oidc.Configuration> | undefined;
  const configuration = (): Promise<oidc.Configuration> => {
    const insecure = issuer.startsWith('http:') ? { execute: [oidc.allowInsecureRequests] } : {};
    found ??= oidc.discovery(new URL(issuer), clientId, clientSecret, undefined, insecure).catch((error: unknown) => {
      // Asked again next time.
      found = undefined;
      throw error;
    });
    return found;
  };
  return {
    start: async (again) => {
      const kept = { verifier: oidc.randomPKCECodeVerifier(), state: oidc.randomState(), nonce: oidc.randomNonce() };
      const url = oidc.buildAuthorizationUrl(await configuration(), {
        redirect_uri: `${settings.publicUrl}/sign-in/oidc/return`,
        scope: SCOPE,
        code_challenge: await oidc.calculatePKCECodeChallenge(kept.verifier),
        code_challenge_method: 'S256',
        state: kept.state,
        nonce: kept.nonce,
        ...(again ? { prompt: 'login' } : {}),
      });
      return { url, kept };
    },
    finish: async (returned, { verifier, state, nonce }) => {
      const tokens = await oidc.authorizationCodeGrant(await configuration(), returned, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      });
      const claims = tokens.claims()!;
      const { email, email_verified: verified } = claims;
      return { subject: `${claims.iss} ${claims.sub}`, email: verified === true && typeof email === 'string' ? email : null }; // prettier-ignore
    },
  };
}

/** The person of the subject; at the first sign-in the one with the verified e-mail, who is then bound to the subject. */
export async function personOfClaims(sql: Queryable, { subject, email }: OidcClaims): Promise<Person | null> {
  const [row] = await sql<{ id: string }[]>`
    UPDATE people SET oidc_subject = ${subject}
    WHERE role IN ('ops', 'auditor')
      AND (oidc_subject = ${subject}
           OR (oidc_subject IS NULL AND lower(email) = lower(${email})
               AND NOT EXISTS (SELECT FROM people known WHERE known.oidc_subject = ${subject})))
    RETURNING id`;
  return row === undefined ? null : findPerson(sql, row.id);
}
