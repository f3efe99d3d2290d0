// Tells the server which time zone this browser is in, so that the next page writes moments in it. Pages work without it.
document.cookie = `tranche-zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)}; path=/; max-age=31536000; samesite=lax`;
