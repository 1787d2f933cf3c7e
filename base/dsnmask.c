#include "base/dsnmask.h"

/* "postgresql://user:secret@host/db?options": what lies between the user and the last "@" is the password,
 * whatever it holds; parameters behind "?" can be passwords too. */
static void put_masked_url(struct span url, size_t begin, struct buf *out)
{
    const uint8_t *at = memrchr(url.at + begin, '@', url.len - begin);
    size_t host = at == NULL ? begin : (size_t)(at - url.at);
    const uint8_t *colon = memchr(url.at + begin, ':', host - begin);
    size_t user = colon == NULL ? host : (size_t)(colon - url.at);
    const uint8_t *question = memchr(url.at + host, '?', url.len - host);
    size_t end = question == NULL ? url.len : (size_t)(question - url.at);
    buf_put(out, span_part(url, 0, user));
    buf_str(out, user < host ? ":***" : "");
    buf_put(out, span_part(url, host, end));
    buf_str(out, end < url.len ? "?***" : "");
}

/* The end of a value of a keyword=value string: quoted with ', backslash escapes. */
static size_t value_end(struct span dsn, size_t at)
{
    bool quoted = at < dsn.len && dsn.at[at] == '\'';
    for (at += quoted; at < dsn.len; at++) {
        if (dsn.at[at] == '\\' && at + 1 < dsn.len)
            at++;
        else if (quoted ? dsn.at[at] == '\'' : strchr(" \t\r\n", dsn.at[at]) != NULL)
            return at + quoted;
    }
    return dsn.len;
}

static size_t skip(struct span text, size_t at, const char *bytes)
{
    while (at < text.len && text.at[at] != 0 && strchr(bytes, text.at[at]) != NULL)
        at++;
    return at;
}

/* "host=... password=...": only the values of keywords known to be harmless are shown. */
static void put_masked_pairs(struct span dsn, struct buf *out)
{
    static const char *const harmless[] = {"host", "hostaddr", "port", "dbname", "user", "sslmode"};
    static const char spaces[] = " \t\r\n";
    size_t at = skip(dsn, 0, spaces);
    for (const char *gap = ""; at < dsn.len; gap = " ") {
        size_t key_end = at;
        while (key_end < dsn.len && dsn.at[key_end] != '=' && strchr(spaces, dsn.at[key_end]) == NULL)
            key_end++;
        struct span key = span_part(dsn, at, key_end);
        size_t equals = skip(dsn, key_end, spaces);
        bool show = false;
        for (size_t i = 0; i < countof(harmless); i++)
            show = show || span_eq(key, span_str(harmless[i]));
        if (equals == dsn.len || dsn.at[equals] != '=') {
            buf_fmt(out, "%s***", gap);
            return;
        }
        size_t begin = skip(dsn, equals + 1, spaces);
        size_t end = value_end(dsn, begin);
        buf_str(out, gap);
        buf_put(out, key);
        buf_byte(out, '=');
        buf_put(out, show ? span_part(dsn, begin, end) : SPAN_LIT("***"));
        at = skip(dsn, end, spaces);
    }
}

void dsnmask_put(struct span dsn, struct buf *out)
{
    const uint8_t *slashes = dsn.len == 0 ? NULL : memmem(dsn.at, dsn.len, "://", 3);
    if (slashes != NULL && (span_starts(dsn, SPAN_LIT("postgres"))))
        put_masked_url(dsn, (size_t)(slashes - dsn.at) + 3, out);
    else
        put_masked_pairs(dsn, out);
}
