#include "cli/policyfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/allow.h"
#include "cli/lookalikes.h"
#include "cli/notify.h"
#include "cli/watchname.h"
#include "cli/yamltree.h"
#include "db/watchjson.h"
#include "model/signing.h"
#include "watcher/rule_type.h"

struct policyfile_reading {
    const struct cmd *cmd;
    json_t *entry;
    struct watch *watch;
    json_t *bases; /* the entry's DNS names, to which others are relative */
    char *path;
    struct err *why;
};

static enum err_code PRINTF_LIKE(3, 4)
    policyfile_bad(struct policyfile_reading *r, const char *path, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)snprintf(r->path, POLICYFILE_PATH_MAX, "%s", path);
    return err_set(r->why, ERR_CONFIG, "%s: %s", path, text);
}

/* A list stays one, a text becomes a list of one; absent: NULL. Owned by `object`. */
static enum err_code policyfile_list(struct policyfile_reading *r, json_t *object, const char *key,
                                     const char *path, json_t **list)
{
    json_t *value = object == NULL ? NULL : json_object_get(object, key);
    *list = value;
    if (json_is_string(value)) {
        json_t *made = json_pack("[O]", value);
        must(made != NULL && json_object_set_new(object, key, made) == 0);
        *list = made;
    }
    for (size_t i = 0; i < json_array_size(*list); i++)
        if (!json_is_string(json_array_get(*list, i)))
            return policyfile_bad(r, path, "texts are wanted");
    return value == NULL || json_is_array(*list) ? ERR_OK : policyfile_bad(r, path, "a list is wanted");
}

static json_t *policyfile_section(struct policyfile_reading *r, const char *key)
{
    json_t *section = json_object_get(r->entry, key);
    return json_is_object(section) ? section : NULL;
}

static enum err_code policyfile_name(struct policyfile_reading *r)
{
    char name[DNS_TEXT_MAX];
    struct err inner = {0};
    const char *typed = json_string_value(json_object_get(r->entry, "name"));
    const json_t *exact = json_object_get(r->entry, "exact");
    const char *word =
        json_is_boolean(exact) ? (json_is_true(exact) ? "true" : "false") : json_string_value(exact);
    if (typed == NULL)
        return policyfile_bad(r, "name", "every entry needs a name");
    if (watchname_read(typed, r->watch, name, &inner) != ERR_OK)
        return policyfile_bad(r, "name", "%s", inner.text);
    if (exact != NULL && (word == NULL || (strcmp(word, "true") != 0 && strcmp(word, "false") != 0)))
        return policyfile_bad(r, "exact", "true or false is wanted");
    r->watch->exact = word != NULL && strcmp(word, "true") == 0;
    if (r->watch->exact && r->watch->kind != WATCH_DNS)
        return policyfile_bad(r, "exact", "only a domain has something below it");
    r->watch->name = strdup(name);
    must(r->watch->name != NULL);
    if (r->watch->kind == WATCH_DNS)
        must(json_array_append_new(r->bases, json_string(name)) == 0);
    (void)json_object_del(r->entry, "name");
    (void)json_object_del(r->entry, "exact");
    return ERR_OK;
}

static enum err_code policyfile_items(struct policyfile_reading *r, const char *key, enum watch_kind kind)
{
    json_t *list;
    enum err_code code = policyfile_list(r, r->entry, key, key, &list);
    for (size_t i = 0; code == ERR_OK && i < json_array_size(list); i++) {
        struct watch_item item = {.kind = kind};
        struct err inner = {0};
        char name[DNS_TEXT_MAX];
        if (watchname_read_kind(json_string_value(json_array_get(list, i)), kind, &item, name, &inner) !=
            ERR_OK)
            return policyfile_bad(r, key, "%s", inner.text);
        must(json_array_set_new(list, i, json_string(name)) == 0);
        if (kind == WATCH_DNS)
            must(json_array_append_new(r->bases, json_string(name)) == 0);
    }
    return code;
}

/* Is it one of the entry's names, or below one? */
static bool policyfile_is_whole(const struct policyfile_reading *r, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < json_array_size(r->bases); i++) {
        const char *base = json_string_value(json_array_get(r->bases, i));
        size_t base_len = strlen(base);
        if (len >= base_len && strcmp(name + len - base_len, base) == 0 &&
            (len == base_len || name[len - base_len - 1] == '.'))
            return true;
    }
    return false;
}

static enum err_code policyfile_pattern(struct policyfile_reading *r, const char *path, const char *typed,
                                        json_t *out)
{
    char plain[DNS_TEXT_MAX];
    char whole[2 * DNS_TEXT_MAX];
    struct err inner = {0};
    bool itself = strcmp(typed, "@") == 0;
    bool wide = strncmp(typed, "*.", 2) == 0 || strcmp(typed, "*") == 0;
    const char *name = typed + (wide ? (typed[1] == '.' ? 2 : 1) : typed[0] == '.');
    plain[0] = '\0';
    if (!itself && name[0] != '\0' && dns_from_user(name, plain, &inner) != ERR_OK)
        return policyfile_bad(r, path, "%s", inner.text);
    const char *star = wide ? "*." : "";
    if (plain[0] != '\0' && policyfile_is_whole(r, plain)) {
        (void)snprintf(whole, sizeof whole, "%s%s", star, plain);
        must(json_array_append_new(out, json_string(whole)) == 0);
        return ERR_OK;
    }
    if (json_array_size(r->bases) == 0)
        return policyfile_bad(r, path, "'%s' is relative, and the entry has no domain", typed);
    for (size_t i = 0; i < json_array_size(r->bases); i++) {
        (void)snprintf(whole, sizeof whole, "%s%s%s%s", star, plain, plain[0] == '\0' ? "" : ".",
                       json_string_value(json_array_get(r->bases, i)));
        must(json_array_append_new(out, json_string(whole)) == 0);
    }
    return ERR_OK;
}

static enum err_code policyfile_patterns(struct policyfile_reading *r, json_t *object, const char *key,
                                         const char *path, bool wide)
{
    json_t *list;
    json_t *value = object == NULL ? NULL : json_object_get(object, key);
    const char *word = json_string_value(value);
    if (wide && (json_is_boolean(value) ||
                 (word != NULL && (strcmp(word, "true") == 0 || strcmp(word, "false") == 0))))
        return ERR_OK;
    enum err_code code = policyfile_list(r, object, key, path, &list);
    if (code != ERR_OK || list == NULL)
        return code;
    json_t *made = json_array();
    for (size_t i = 0; code == ERR_OK && i < json_array_size(list); i++) {
        const char *typed = json_string_value(json_array_get(list, i));
        if (strcmp(key, "exclude") == 0 && typed[0] == '*')
            code = policyfile_bad(
                r, path,
                "'%s' is a wildcard: exclude takes names and leaves out all that is below them;"
                " write '%s'",
                typed, typed[1] == '.' ? typed + 2 : "the name");
        else if (wide && typed[0] != '*')
            code = policyfile_bad(
                r, path, "'%s' is no wildcard; true, false or names like \"*.cdn\" are wanted", typed);
        else
            code = policyfile_pattern(r, path, typed, made);
    }
    must(json_object_set_new(object, key, made) == 0);
    return code;
}

static void policyfile_add_hash(json_t *list, const struct watch_allow *allow)
{
    char hex[65];
    json_t *one = json_pack("{s:s, s:s}", "sha256", text_hex(span_of(allow->spki_sha256, 32), hex), "label",
                            allow->label);
    must(one != NULL && json_array_append_new(list, one) == 0);
}

struct policyfile_into {
    json_t *list;
};

static void policyfile_take(void *arg, const struct watch_allow *allow)
{
    const struct policyfile_into *into = arg;
    policyfile_add_hash(into->list, allow);
}

static enum err_code policyfile_cas(struct policyfile_reading *r, const char *key)
{
    json_t *list;
    enum err_code code = policyfile_list(r, r->entry, key, key, &list);
    if (code != ERR_OK || list == NULL)
        return code;
    struct policyfile_into into = {json_array()};
    for (size_t i = 0; code == ERR_OK && i < json_array_size(list); i++) {
        struct err inner = {0};
        struct err warning = {0};
        if (allow_resolve(json_string_value(json_array_get(list, i)), policyfile_take, &into, &warning,
                          &inner) != ERR_OK)
            code = policyfile_bad(r, key, "%s", inner.text);
        if (warning.code != ERR_OK)
            fprintf(stderr, "ctvigil: warning: %s\n", warning.text);
    }
    must(json_object_set_new(r->entry, key, into.list) == 0);
    return code;
}

/* HEX, spki:HEX, cert:FILE or csr:FILE. */
static enum err_code policyfile_key(struct policyfile_reading *r, const char *path, const char *typed,
                                    json_t *out)
{
    struct err inner = {0};
    struct watch_allow key;
    if (allow_key(typed, &key, &inner) != ERR_OK)
        return policyfile_bad(r, path, "%s", inner.text);
    policyfile_add_hash(out, &key);
    free(key.label);
    return ERR_OK;
}

static enum err_code policyfile_key_file(struct policyfile_reading *r, const char *file, json_t *out)
{
    char line[1024];
    enum err_code code = ERR_OK;
    FILE *in = fopen(file, "re");
    if (in == NULL)
        return policyfile_bad(r, "keys.file", "%s: %s", file, strerror(errno));
    while (code == ERR_OK && fgets(line, sizeof line, in) != NULL) {
        char *begin = line + strspn(line, " \t");
        begin[strcspn(begin, " \t\r\n#")] = '\0';
        if (begin[0] != '\0')
            code = policyfile_key(r, "keys.file", begin, out);
    }
    if (code == ERR_OK && ferror(in) != 0)
        code = policyfile_bad(r, "keys.file", "%s: it can not be read", file);
    (void)fclose(in);
    return code;
}

static enum err_code policyfile_keys(struct policyfile_reading *r)
{
    json_t *keys = policyfile_section(r, "keys");
    json_t *spki;
    json_t *tbs;
    json_t *files;
    json_t *learned;
    enum err_code code = policyfile_list(r, keys, "spki", "keys.spki", &spki);
    if (code == ERR_OK)
        code = policyfile_list(r, keys, "learned", "keys.learned", &learned);
    if (code == ERR_OK)
        code = policyfile_list(r, keys, "tbs", "keys.tbs", &tbs);
    if (code == ERR_OK)
        code = policyfile_list(r, keys, "file", "keys.file", &files);
    if (code != ERR_OK || keys == NULL)
        return code;
    json_t *known = json_array();
    json_t *exact = json_array();
    json_t *used = json_array();
    for (size_t i = 0; code == ERR_OK && i < json_array_size(learned); i++)
        code = policyfile_key(r, "keys.learned", json_string_value(json_array_get(learned, i)), used);
    for (size_t i = 0; code == ERR_OK && i < json_array_size(spki); i++)
        code = policyfile_key(r, "keys.spki", json_string_value(json_array_get(spki, i)), known);
    for (size_t i = 0; code == ERR_OK && i < json_array_size(files); i++)
        code = policyfile_key_file(r, json_string_value(json_array_get(files, i)), known);
    for (size_t i = 0; code == ERR_OK && i < json_array_size(tbs); i++)
        code = policyfile_key(r, "keys.tbs", json_string_value(json_array_get(tbs, i)), exact);
    (void)json_object_del(keys, "file");
    /* Who lists keys wants to hear of others. */
    if (json_object_get(keys, "mode") == NULL &&
        (json_array_size(known) + json_array_size(exact) != 0 || json_object_get(keys, "learn") != NULL))
        must(json_object_set_new(keys, "mode", json_string("advise")) == 0);
    must(json_object_set_new(keys, "spki", known) == 0 && json_object_set_new(keys, "tbs", exact) == 0 &&
         json_object_set_new(keys, "learned", used) == 0);
    return code;
}

/* Names of others, which are relative to nothing. */
static enum err_code policyfile_others(struct policyfile_reading *r, const char *key)
{
    json_t *list;
    enum err_code code = policyfile_list(r, r->entry, key, key, &list);
    for (size_t i = 0; code == ERR_OK && i < json_array_size(list); i++) {
        struct watch_item item = {.kind = WATCH_DNS};
        struct err inner = {0};
        char name[DNS_TEXT_MAX];
        if (watchname_read_kind(json_string_value(json_array_get(list, i)), WATCH_DNS, &item, name, &inner) !=
            ERR_OK)
            return policyfile_bad(r, key, "%s", inner.text);
        must(json_array_set_new(list, i, json_string(name)) == 0);
    }
    return code;
}

/* Without a CA that is allowed everything would be learned, or nothing. */
static enum err_code policyfile_learning(struct policyfile_reading *r)
{
    const struct watch *watch = r->watch;
    if (watch->learning.days == 0)
        return watch->key_learned.count == 0
                   ? ERR_OK
                   : policyfile_bad(r, "keys.learned", "it comes with `learn`; keys of yours go to `spki`");
    if (watch->allow_count == 0)
        return policyfile_bad(r, "keys.learn",
                              "keys are learned of certificates of allowed CAs alone: name"
                              " them in `allow`");
    if (watch->keys == WATCH_KEYS_OFF)
        return policyfile_bad(r, "keys.learn",
                              "with mode off no key is ever asked for; advise or enforce"
                              " is wanted");
    return watch->key_learned.count <= LIMIT_LEARNED_KEYS
               ? ERR_OK
               : policyfile_bad(r, "keys.learned", "more than %d of them", LIMIT_LEARNED_KEYS);
}

static enum err_code policyfile_words(struct policyfile_reading *r)
{
    struct err inner = {0};
    enum err_code code = policyfile_learning(r);
    if (code != ERR_OK)
        return code;
    if (r->watch->lookalike != WATCH_LOOKALIKE_OFF &&
        lookalikes_check(r->watch, r->watch->name, &inner) != ERR_OK)
        return policyfile_bad(r, "lookalike", "%s", inner.text);
    for (size_t i = 0; i < r->watch->key_types.count; i++)
        if (!rule_type_known(r->watch->key_types.at[i]))
            return policyfile_bad(
                r, "key_types",
                "'%s' is none; there are rsa-2048, rsa-3072+ (or more), ec-p256, ed25519 and such",
                r->watch->key_types.at[i]);
    for (size_t i = 0; i < r->watch->signatures.count; i++)
        if (!signing_is_word(r->watch->signatures.at[i]))
            return policyfile_bad(
                r, "signatures",
                "'%s' is none; there are ecdsa-sha256, ecdsa-sha384, rsa-sha256, rsa-sha384,"
                " rsa-pss-sha256, ed25519 and such",
                r->watch->signatures.at[i]);
    for (size_t i = 0; i < r->watch->channels.count; i++)
        if (r->cmd != NULL && !notify_known(r->cmd, r->watch->channels.at[i]))
            return policyfile_bad(r, "channels", "there is no channel '%s'", r->watch->channels.at[i]);
    for (size_t i = 0; i < r->watch->deny.count; i++)
        for (size_t k = 0; k < r->watch->allow_count; k++)
            if (memcmp(r->watch->deny.at[i].spki_sha256, r->watch->allow[k].spki_sha256, 32) == 0)
                return policyfile_bad(r, "deny", "'%s' is allowed as well", r->watch->deny.at[i].label);
    return ERR_OK;
}

static enum err_code policyfile_resolve(struct policyfile_reading *r)
{
    static const struct {
        const char *key;
        enum watch_kind kind;
    } items[] = {{"also", WATCH_DNS}, {"also_exact", WATCH_DNS}, {"ips", WATCH_IP},  {"emails", WATCH_EMAIL},
                 {"uris", WATCH_URI}, {"spkis", WATCH_SPKI},     {"orgs", WATCH_ORG}};
    enum err_code code = policyfile_name(r);
    for (size_t i = 0; code == ERR_OK && i < countof(items); i++)
        code = policyfile_items(r, items[i].key, items[i].kind);
    if (code == ERR_OK)
        code = policyfile_patterns(r, r->entry, "exclude", "exclude", false);
    if (code == ERR_OK)
        code = policyfile_patterns(r, r->entry, "wildcard", "wildcard", true);
    if (code == ERR_OK)
        code = policyfile_patterns(r, policyfile_section(r, "names"), "allow", "names.allow", false);
    if (code == ERR_OK)
        code = policyfile_others(r, "lookalike_allow");
    if (code == ERR_OK)
        code = policyfile_cas(r, "allow");
    if (code == ERR_OK)
        code = policyfile_cas(r, "deny");
    return code == ERR_OK ? policyfile_keys(r) : code;
}

enum err_code policyfile_entry(const struct cmd *cmd, json_t *entry, struct watch *watch,
                               char path[POLICYFILE_PATH_MAX], struct err *why)
{
    struct policyfile_reading r = {cmd, entry, watch, json_array(), path, why};
    path[0] = '\0';
    enum err_code code = json_is_object(entry) ? policyfile_resolve(&r)
                                               : policyfile_bad(&r, "", "an entry with keys is wanted");
    char *text = code == ERR_OK ? json_dumps(entry, JSON_COMPACT) : NULL;
    if (code == ERR_OK) {
        must(text != NULL);
        code = watchjson_read(text, watch, path, why);
    }
    free(text);
    if (code == ERR_OK)
        code = policyfile_words(&r);
    json_decref(r.bases);
    return code;
}

static enum err_code policyfile_bytes(const char *path, struct buf *text, struct err *why)
{
    uint8_t piece[4096];
    size_t got;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
    if (file == NULL)
        return err_set(why, ERR_CONFIG, "%s: it can not be opened: %s", path, strerror(errno));
    while (buf_ok(text) && (got = fread(piece, 1, sizeof piece, file)) > 0)
        buf_put(text, span_of(piece, got));
    bool failed = ferror(file) != 0;
    if (file != stdin)
        (void)fclose(file);
    if (failed)
        return err_set(why, ERR_CONFIG, "%s: it can not be read", path);
    return buf_ok(text) ? ERR_OK
                        : err_set(why, ERR_CONFIG, "%s: it is longer than %u bytes", path, LIMIT_POLICY_FILE);
}

/* A line that is no remark and ends a name with a colon. */
static bool policyfile_is_yaml(const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        if (strncmp(text, "watch:", 6) == 0 || text[0] == '{')
            return true;
        text += len + (text[len] == '\n');
    }
    return false;
}

static enum err_code policyfile_twice(const char *path, size_t line, const struct watch *watch, json_t *seen,
                                      struct err *why)
{
    if (json_object_get(seen, watch->name) != NULL)
        return err_set(why, ERR_CONFIG, "%s:%zu: %s occurs a second time", path, line, watch->name);
    must(json_object_set_new(seen, watch->name, json_true()) == 0);
    return ERR_OK;
}

static enum err_code policyfile_yaml(const struct cmd *cmd, const char *path, struct span text,
                                     struct watch **watches, size_t *count, struct err *why)
{
    struct yamltree *tree = NULL;
    enum err_code code = yamltree_read(path, text, &tree, why);
    if (code != ERR_OK)
        return code;
    json_t *seen = json_object();
    const json_t *root = yamltree_root(tree);
    json_t *list = json_object_get(root, "watch");
    const char *key;
    json_t *any;
    json_object_foreach((json_t *)(uintptr_t)root, key, any) if (strcmp(key, "watch") != 0 && code == ERR_OK)
        code = err_set(why, ERR_CONFIG, "%s:%zu: unknown key '%s'; there is `watch`, a list", path,
                       yamltree_line(tree, key), key);
    if (code == ERR_OK && !json_is_array(list))
        code = err_set(why, ERR_CONFIG, "%s: `watch` has to be a list of entries", path);
    *watches = calloc(json_array_size(list) + 1, sizeof **watches);
    must(*watches != NULL);
    for (size_t i = 0; code == ERR_OK && i < json_array_size(list); i++) {
        char at[POLICYFILE_PATH_MAX];
        char where[POLICYFILE_PATH_MAX + 32];
        struct err inner = {0};
        code = policyfile_entry(cmd, json_array_get(list, i), &(*watches)[(*count)++], at, &inner);
        (void)snprintf(where, sizeof where, "watch[%zu]%s%s", i, at[0] == '\0' ? "" : ".", at);
        if (code != ERR_OK)
            (void)err_set(why, code, "%s:%zu: %s", path, yamltree_line(tree, where), inner.text);
        if (code == ERR_OK)
            code = policyfile_twice(path, yamltree_line(tree, where), &(*watches)[i], seen, why);
    }
    json_decref(seen);
    yamltree_free(tree);
    return code;
}

/* certspotter: the name alone is exact, a dot in front means what is below as well, and of what follows it
 * knows valid_at: only, which it ignores. */
static enum err_code policyfile_line(char *line, struct watch *watch, struct err *why)
{
    char name[DNS_TEXT_MAX];
    line[strcspn(line, " \t\r")] = '\0';
    if (strcmp(line, ".") == 0)
        return err_set(why, ERR_CONFIG, "'.' would watch everything; name the domains");
    enum err_code code = watchname_read(line, watch, name, why);
    if (code != ERR_OK)
        return code;
    watch->exact = watch->kind == WATCH_DNS && line[0] != '.';
    watch->name = strdup(name);
    must(watch->name != NULL);
    return ERR_OK;
}

static enum err_code policyfile_watchlist(const char *path, char *text, struct watch **watches, size_t *count,
                                          struct err *why)
{
    size_t cap = 0;
    size_t number = 0;
    json_t *seen = json_object();
    enum err_code code = ERR_OK;
    while (code == ERR_OK && *text != '\0') {
        struct err inner = {0};
        size_t len = strcspn(text, "\n");
        char *next = text + len + (text[len] == '\n');
        text[len] = '\0';
        number++;
        if (text[0] != '#' && text[strspn(text, " \t\r")] != '\0') {
            if (*count == cap) {
                cap = cap == 0 ? 64 : 2 * cap;
                *watches = reallocarray(*watches, cap, sizeof **watches);
                must(*watches != NULL);
            }
            (*watches)[*count] = (struct watch){.id = 0};
            code = policyfile_line(text, &(*watches)[(*count)++], &inner);
            if (code != ERR_OK)
                code = err_set(why, ERR_CONFIG, "%s:%zu: %s", path, number, inner.text);
            if (code == ERR_OK)
                code = policyfile_twice(path, number, &(*watches)[*count - 1], seen, why);
        }
        text = next;
    }
    json_decref(seen);
    return code;
}

enum err_code policyfile_load(const struct cmd *cmd, const char *path, struct watch **watches, size_t *count,
                              struct err *why)
{
    struct buf text;
    *watches = NULL;
    *count = 0;
    buf_init(&text, LIMIT_POLICY_FILE);
    enum err_code code = policyfile_bytes(path, &text, why);
    if (code == ERR_OK && strlen(buf_text(&text)) != text.len)
        code = err_set(why, ERR_CONFIG, "%s: it has a NUL in it", path);
    if (code == ERR_OK && policyfile_is_yaml(buf_text(&text)))
        code = policyfile_yaml(cmd, path, buf_span(&text), watches, count, why);
    else if (code == ERR_OK)
        code = policyfile_watchlist(path, (char *)(uintptr_t)buf_text(&text), watches, count, why);
    buf_fini(&text);
    if (code == ERR_OK && *count == 0)
        code = err_set(why, ERR_CONFIG, "%s: it names no domain", path);
    if (code != ERR_OK) {
        watch_free(*watches, *count);
        *watches = NULL;
        *count = 0;
    }
    return code;
}
