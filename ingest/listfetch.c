#include "ingest/listfetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "ingest/ask.h"
#include "ingest/logurl.h"
#include "verify/digest.h"

#define GOOGLE        "https://www.gstatic.com/ct/log_list/v3/"
#define SIGNATURE_MAX 4096
#define TRANSFER_MS   60000
#define TRIES         2

/* Sources --------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    const char *url;
} known[] = {
    {"google", GOOGLE "log_list.json"},
    {"google-all", GOOGLE "all_logs_list.json"},
    {"apple", "https://valid.apple.com/ct/log_list/current_log_list.json"},
};

/* Whole, and not longer than `max`. */
static enum err_code file_read(const char *path, size_t max, uint8_t **out, size_t *len, struct err *why)
{
    FILE *file = fopen(path, "rb");
    *out = NULL;
    *len = 0;
    if (file == NULL)
        return err_set(why, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    uint8_t *bytes = malloc(max + 1);
    must(bytes != NULL);
    *len = fread(bytes, 1, max + 1, file);
    bool bad = ferror(file) != 0;
    (void)fclose(file);
    if (!bad && *len <= max) {
        *out = bytes;
        return ERR_OK;
    }
    free(bytes);
    return bad ? err_set(why, ERR_SYSTEM, "%s: it can not be read", path)
               : err_set(why, ERR_TOO_BIG, "%s: larger than %zu bytes", path, max);
}

static enum err_code key_read(const char *path, struct listsig_key *key, struct err *why)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct err own = {.code = ERR_OK};
    enum err_code code = file_read(path, SIGNATURE_MAX, &bytes, &len, &own);
    if (code == ERR_OK)
        code = listsig_key_read(span_of(bytes, len), key, &own);
    free(bytes);
    return code == ERR_OK ? ERR_OK : err_set(why, ERR_CONFIG, "ingest.log_list_key: %s", own.text);
}

/* NAME.sig for NAME.json. */
static void signature_place(struct listfetch_source *source)
{
    size_t len = strlen(source->place);
    if (len > 5 && strcmp(source->place + len - 5, ".json") == 0)
        len -= 5;
    (void)snprintf(source->signature, sizeof(source->signature), "%.*s.sig", (int)len, source->place);
}

enum err_code listfetch_source(const char *named, const char *key_file, struct listfetch_source *source,
                               struct err *why)
{
    char url[CTLOG_URL_MAX];
    struct err own = {.code = ERR_OK};
    const char *place = named;
    *source = (struct listfetch_source){.file = false};
    for (size_t i = 0; i < countof(known); i++)
        if (strcmp(named, known[i].name) == 0)
            place = known[i].url;
    if (strlen(place) >= sizeof(source->place) || place[0] == '\0')
        return err_set(why, ERR_CONFIG, "ingest.log_list: empty or too long");
    (void)snprintf(source->place, sizeof(source->place), "%s", place);
    source->file = strstr(place, "://") == NULL;
    if (!source->file && logurl_take("ingest.log_list", place, false, url, &own) != ERR_OK)
        return err_set(why, ERR_CONFIG, "%s", own.text);
    signature_place(source);
    if (strncmp(place, GOOGLE, sizeof(GOOGLE) - 1) == 0) {
        source->key = *listsig_google();
        source->is_signed = true;
        return ERR_OK;
    }
    source->is_signed = key_file[0] != '\0';
    return source->is_signed ? key_read(key_file, &source->key, why) : ERR_OK;
}

/* Getting --------------------------------------------------------------------------------------------------
 */

/* The etag of a file: what it holds. */
static void etag_make(struct span bytes, char out[LISTFETCH_ETAG_MAX])
{
    uint8_t sha256[32];
    char hex[65];
    digest_sha256(bytes, sha256);
    (void)snprintf(out, LISTFETCH_ETAG_MAX, "sha256:%s", text_hex(span_of(sha256, sizeof(sha256)), hex));
}

static enum err_code get_file(const struct listfetch_source *source, const char *etag, struct listfetch *out,
                              struct err *why)
{
    uint8_t *signature = NULL;
    size_t signature_len = 0;
    enum err_code code = file_read(source->place, LIMIT_LOGLIST_BYTES, &out->bytes, &out->len, why);
    if (code != ERR_OK)
        return code;
    etag_make(span_of(out->bytes, out->len), out->etag);
    out->unchanged = strcmp(etag, out->etag) == 0;
    if (out->unchanged || !source->is_signed)
        return ERR_OK;
    code = file_read(source->signature, SIGNATURE_MAX, &signature, &signature_len, why);
    if (code == ERR_OK)
        code = listsig_verify(&source->key, span_of(out->bytes, out->len), span_of(signature, signature_len),
                              why);
    free(signature);
    return code;
}

static enum err_code get_url(const struct listfetch_source *source, const char *user_agent, const char *etag,
                             const atomic_bool *stop, struct listfetch *out, struct err *why)
{
    struct ask ask[2] = {{.url = source->place, .etag = etag, .ceiling = LIMIT_LOGLIST_BYTES},
                         {.url = source->signature, .ceiling = SIGNATURE_MAX}};
    bool asked_signature = false;
    enum err_code code = ask_all(user_agent, &ask[0], 1, TRANSFER_MS, stop, why);
    if (code != ERR_OK)
        return code;
    code = ask[0].code == ERR_OK ? ERR_OK : err_set(why, ask[0].code, "%s", ask[0].why.text);
    out->unchanged = code == ERR_OK && ask[0].status == 304;
    if (code == ERR_OK && !out->unchanged && source->is_signed) {
        asked_signature = true;
        code = ask_all(user_agent, &ask[1], 1, TRANSFER_MS, stop, why);
        if (code == ERR_OK && ask[1].code != ERR_OK)
            code = err_set(why, ask[1].code, "%s", ask[1].why.text);
        if (code == ERR_OK)
            code = listsig_verify(&source->key, ask[0].body, ask[1].body, why);
    }
    if (code == ERR_OK && !out->unchanged) {
        out->len = ask[0].body.len;
        out->bytes = malloc(out->len + 1);
        must(out->bytes != NULL);
        memcpy(out->bytes, ask[0].body.at, out->len);
        (void)snprintf(out->etag, sizeof(out->etag), "%s", ask[0].new_etag);
    }
    ask_fini(ask, asked_signature ? 2 : 1);
    return code;
}

enum err_code listfetch_get(const struct listfetch_source *source, const char *user_agent, const char *etag,
                            const atomic_bool *stop, struct listfetch *out, struct err *why)
{
    enum err_code code = ERR_SIGNATURE;
    *out = (struct listfetch){.len = 0};
    for (unsigned i = 0; code == ERR_SIGNATURE && i < TRIES; i++) {
        struct listfetch got = {.len = 0};
        err_clear(why);
        code = source->file ? get_file(source, etag, &got, why)
                            : get_url(source, user_agent, etag, stop, &got, why);
        if (code == ERR_OK && !got.unchanged) {
            *out = got;
            return ERR_OK;
        }
        out->unchanged = code == ERR_OK;
        free(got.bytes);
    }
    return code;
}

void listfetch_free(struct listfetch *fetched)
{
    free(fetched->bytes);
    *fetched = (struct listfetch){.len = 0};
}

enum err_code listfetch_newer(const struct loglist *list, const char *version, int64_t made_ms,
                              int64_t now_ms, struct err *why)
{
    char was[TEXT_TIME_MAX];
    char is[TEXT_TIME_MAX];
    (void)text_time(made_ms, false, was);
    (void)text_time(list->timestamp_ms, false, is);
    if (made_ms != 0 && list->timestamp_ms < made_ms)
        return err_set(why, ERR_FORMAT, "the log list is a step back: made %s, and one of %s is known",
                       list->timestamp_ms == 0 ? "at no time that it tells" : is, was);
    if (loglist_version_cmp(list->version, version) < 0)
        return err_set(why, ERR_FORMAT, "the log list is a step back: version %s, and %s is known",
                       list->version, version);
    if (list->timestamp_ms > now_ms + LISTFETCH_AHEAD_MS)
        return err_set(why, ERR_FORMAT, "the log list says that it was made in the future, at %s", is);
    return ERR_OK;
}
