#include "cli/caafind.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "db/db_caa.h"
#include "trust/caatable.h"

#define OWNERS_MAX  200 /* bytes of text */
#define NEAR_ENOUGH 3   /* letters that differ */

struct found {
    char name[CAATABLE_NAME_MAX]; /* normal form */
    struct watch_hashes keys;
    char owners[OWNERS_MAX]; /* "Amazon, DigiCert" */
    size_t owner_count;
    uint64_t unknown;
    bool imported; /* trust data says it, not the program */
    struct found *next;
};

static struct found *known;

void caafind_forget(void)
{
    while (known != NULL) {
        struct found *next = known->next;
        for (size_t i = 0; i < known->keys.count; i++)
            free(known->keys.at[i].label);
        free(known->keys.at);
        free(known);
        known = next;
    }
}

static void note_owner(struct found *found, const char *owner)
{
    char shown[80];
    char known_as[CAATABLE_NAME_MAX];
    size_t len = strlen(found->owners);
    const char *name = caatable_owner(owner, known_as) ? known_as : owner;
    (void)text_visible_str(span_str(name), shown, sizeof shown);
    if (shown[0] == '\0' || strstr(found->owners, shown) != NULL)
        return;
    found->owner_count++;
    if (len + strlen(shown) + 3 < sizeof found->owners)
        (void)snprintf(found->owners + len, sizeof found->owners - len, "%s%s", len == 0 ? "" : ", ", shown);
}

static void on_key(void *arg, const uint8_t key[32], const char *owner)
{
    struct found *found = arg;
    for (size_t i = 0; i < found->keys.count; i++)
        if (memcmp(found->keys.at[i].spki_sha256, key, 32) == 0)
            return;
    must(watch_hashes_add(&found->keys, key, found->name));
    note_owner(found, owner);
}

static enum err_code look_db(struct pgconn *conn, struct found *found, struct err *why)
{
    struct db_caa counts = {0};
    enum err_code code =
        db_caa_imported(conn, strncmp(found->name, "ca:", 3) == 0 ? "owners" : "caa", &found->imported, why);
    if (code == ERR_OK && found->imported)
        code = db_caa_keys(conn, found->name, on_key, found, &counts, why);
    found->unknown = counts.unknown;
    return code;
}

/* Levenshtein's distance, at most NEAR_ENOUGH + 1. */
static size_t distance(const char *left, const char *right)
{
    size_t row[CAATABLE_NAME_MAX + 1];
    size_t right_len = strlen(right);
    size_t left_len = strlen(left);
    size_t more = left_len > right_len ? left_len - right_len : right_len - left_len;
    if (more > NEAR_ENOUGH || right_len > CAATABLE_NAME_MAX)
        return NEAR_ENOUGH + 1;
    for (size_t i = 0; i <= right_len; i++)
        row[i] = i;
    for (size_t l = 0; l < left_len; l++) {
        size_t corner = row[0]++;
        for (size_t r = 0; r < right_len; r++) {
            size_t cost = corner + (left[l] != right[r]);
            corner = row[r + 1];
            cost = cost < row[r] + 1 ? cost : row[r] + 1;
            row[r + 1] = cost < corner + 1 ? cost : corner + 1;
        }
    }
    return row[right_len];
}

struct nearest {
    const char *name;
    char best[CAATABLE_NAME_MAX];
    size_t distance;
};

/* "letsencrypt" is near to "letsencrypt.org", and so is what is spelled a little differently. */
static void on_name(void *arg, const char *name)
{
    struct nearest *nearest = arg;
    char normal[CAATABLE_NAME_MAX];
    size_t len = strlen(nearest->name);
    if (!caatable_normal(name, normal) || strlen(name) >= sizeof nearest->best)
        return;
    bool begins = len > 3 && strncmp(normal, nearest->name, len) == 0 && strchr(" .", normal[len]) != NULL;
    size_t far = begins ? 1 : distance(nearest->name, normal);
    if (strlen(name) < sizeof normal) {
        size_t as_written = distance(nearest->name, text_lower(name, normal, sizeof normal));
        far = as_written < far ? as_written : far;
    }
    if (far < nearest->distance) {
        nearest->distance = far;
        (void)snprintf(nearest->best, sizeof nearest->best, "%s", name);
    }
}

static enum err_code nothing(struct pgconn *conn, const struct found *found, const char *given,
                             struct err *why)
{
    char shown[120];
    char near_by[CAATABLE_NAME_MAX];
    struct nearest nearest = {.name = found->name, .distance = NEAR_ENOUGH + 1};
    struct err ignored = {0};
    (void)text_visible_str(span_str(given), shown, sizeof shown);
    if (found->unknown != 0)
        return err_set(why, ERR_USAGE,
                       "'%s': the trust data names %" PRIu64
                       " certificates for it, and has none of them; import them as well (CCADB's report of"
                       " certificates, 'ctvigil trust import')",
                       shown, found->unknown);
    if (conn == NULL || db_caa_names(conn, on_name, &nearest, &ignored) != ERR_OK || nearest.best[0] == '\0')
        caatable_names(on_name, &nearest);
    (void)text_visible_str(span_str(nearest.best), near_by, sizeof near_by);
    return err_set(why, ERR_USAGE,
                   "'%s': no CA of that name is known%s%s%s; newer names come with 'ctvigil trust import',"
                   " and spki:HEX or cert:FILE name a CA by its key",
                   shown, near_by[0] == '\0' ? "" : "; did you mean '", near_by,
                   near_by[0] == '\0' ? "" : "'?");
}

static enum err_code look(const char *dsn, const char *given, struct found **out, struct err *why)
{
    struct found *found = calloc(1, sizeof *found);
    struct pgconn *conn = NULL;
    enum err_code code = ERR_OK;
    must(found != NULL);
    if (!caatable_normal(given, found->name))
        code = err_set(why, ERR_USAGE, "'%.60s' names no CA", given);
    if (code == ERR_OK && dsn != NULL)
        code = pgconn_open(dsn, &conn, why);
    if (code == ERR_OK && conn != NULL)
        code = look_db(conn, found, why);
    /* What an import says of a name it does not say of all its keys: less would turn into false alarms where
     * the name is allowed, and into silence where it is denied. */
    if (code == ERR_OK && (!found->imported || found->unknown != 0 || found->keys.count == 0))
        (void)caatable_keys(found->name, on_key, found);
    if (code == ERR_OK && found->keys.count == 0)
        code = nothing(conn, found, given, why);
    if (conn != NULL)
        pgconn_free(conn);
    found->next = known;
    known = found;
    if (code == ERR_OK) {
        *out = found;
        return ERR_OK;
    }
    known = found->next;
    for (size_t i = 0; i < found->keys.count; i++)
        free(found->keys.at[i].label);
    free(found->keys.at);
    free(found);
    return code;
}

static struct found *remembered(const char *given)
{
    char normal[CAATABLE_NAME_MAX];
    struct found *at = caatable_normal(given, normal) ? known : NULL;
    while (at != NULL && strcmp(at->name, normal) != 0)
        at = at->next;
    return at;
}

enum err_code caafind_keys(const char *dsn, const char *given, allow_each *each, void *arg,
                           struct err *warning, struct err *why)
{
    struct found *found = remembered(given);
    enum err_code code = found != NULL ? ERR_OK : look(dsn, given, &found, why);
    if (code != ERR_OK)
        return code;
    if (found->owner_count > 1 && found->name[2] != ':')
        (void)err_set(warning, ERR_USAGE,
                      "%s is recognised by the CAs of several owners: %s; ca:OWNER means those of one",
                      found->name, found->owners);
    else if (found->unknown != 0)
        (void)err_set(warning, ERR_FORMAT,
                      "%s: the trust data names certificates for it that it does not have; the keys that are"
                      " known, and those that the program came with, are taken for it. Import them as well"
                      " (CCADB's report of certificates, 'ctvigil trust import')",
                      found->name);
    for (size_t i = 0; i < found->keys.count; i++) {
        struct watch_allow allow = found->keys.at[i];
        allow.label = strdup(given);
        must(allow.label != NULL);
        each(arg, &allow);
        free(allow.label);
    }
    return ERR_OK;
}

struct word {
    const char *dsn;
    const uint8_t *key;
    char *out;
    bool has; /* the key is among those of the name at hand */
    enum err_code code;
    struct err *why;
};

static void on_listed(void *arg, const struct watch_allow *allow)
{
    struct word *word = arg;
    word->has = word->has || memcmp(allow->spki_sha256, word->key, 32) == 0;
}

/* The first one that is good. */
static void on_word(void *arg, const char *name)
{
    struct word *word = arg;
    struct err warning = {0};
    struct err why = {0};
    word->has = false;
    if (word->code != ERR_OK || word->out[0] != '\0' || strlen(name) >= CAAFIND_WORD_MAX)
        return;
    enum err_code code = caafind_keys(word->dsn, name, on_listed, word, &warning, &why);
    if (code != ERR_OK && code != ERR_USAGE)
        word->code = err_set(word->why, code, "%s", why.text);
    if (code == ERR_OK && word->has && warning.code != ERR_USAGE)
        (void)snprintf(word->out, CAAFIND_WORD_MAX, "%s", name);
}

enum err_code caafind_word(const char *dsn, const uint8_t key[32], char out[CAAFIND_WORD_MAX],
                           struct err *why)
{
    struct word word = {.dsn = dsn, .key = key, .out = out, .why = why};
    struct pgconn *conn = NULL;
    char hex[65];
    out[0] = '\0';
    enum err_code code = dsn == NULL ? ERR_OK : pgconn_open(dsn, &conn, why);
    if (code == ERR_OK && conn != NULL)
        code = db_caa_words(conn, key, on_word, &word, why);
    if (conn != NULL)
        pgconn_free(conn);
    caatable_words(key, on_word, &word);
    if (out[0] == '\0')
        (void)snprintf(out, CAAFIND_WORD_MAX, "spki:%s", text_hex(span_of(key, 32), hex));
    return code != ERR_OK ? code : word.code;
}
