// What a password must be: long. Rules about letters and signs make people write it down.
import { PASSWORD_LENGTH } from './pages/security.tsx';

/** What is wrong with it, for the person who chose it; null: nothing. */
export function passwordProblem(password: string, email: string): string | null {
  const { min, max } = PASSWORD_LENGTH;
  if (password.length < min || password.length > max) return `A password has ${min} to ${max} characters.`;
  if (password.toLowerCase().includes(email.toLowerCase())) return 'A password must not be your e-mail.';
  if (new Set(password).size < 5) return 'A password of so few different characters is guessed at once.';
  return null;
}
