// `npm run migrate`: brings the installation's database to this version's schema.
import { loadSettings, requireInstallation, SettingsError } from '../config/settings.ts';
import { migrate, MigrationError } from '../db/migrate.ts';

try {
  const settings = loadSettings();
  requireInstallation(settings, ['postgres']);
  const { applied } = await migrate(settings.migrationDatabaseUrl);
  console.log(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`);
} catch (error) {
  if (!(error instanceof SettingsError || error instanceof MigrationError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
