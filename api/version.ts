// The version of the API that every answer names.
export const API_VERSION = '2026-11-01';
