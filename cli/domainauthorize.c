#include "cli/domainauthorize.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/ownfiles.h"
#include "cli/watchname.h"
#include "db/db_domain.h"
#include "db/db_explain.h"
#include "watcher/watchset.h"

#define NAMES_SHOWN 3
#define TEXT_MAX    200

struct item {
    struct ownfiles_item own; /* its names are gone */
    char *file;
    char names[TEXT_MAX];
    int64_t *ids; /* of the domains that it names */
    size_t id_count;
    bool fresh; /* something of it was not known to some domain */
};

struct authorizing {
    const struct cmd *cmd;
    const struct domainauthorize *what;
    struct watchset *set;
    struct item *items;
    size_t count;
    int64_t ids[OPT_LIST_MAX]; /* of --domain */
    const char *full;          /* a domain that can hold no more keys */
    uint64_t closed;
    size_t odd;
};

static const char *const kinds[] = {"certificate", "request", "key"};

static bool add_id(struct item *item, int64_t id)
{
    for (size_t i = 0; i < item->id_count; i++)
        if (item->ids[i] == id)
            return false;
    item->ids = realloc(item->ids, (item->id_count + 1) * sizeof *item->ids);
    must(item->ids != NULL);
    item->ids[item->id_count++] = id;
    return true;
}

static void on_hit(void *arg, const struct watch *watch)
{
    (void)add_id(arg, watch->id);
}

static void find_domains(const struct authorizing *doing, const struct ownfiles_item *own, struct item *item)
{
    for (size_t i = 0; i < own->name_count; i++) {
        const struct name *name = &own->names[i];
        if (name->kind == NAME_DNS && (name->flags & NAME_PLACEHOLDER) == 0)
            watchset_find(doing->set, name->text, on_hit, item);
        else if (name->kind == NAME_IP && (name->raw.len == 4 || name->raw.len == 16))
            watchset_find_ip(doing->set, name->raw, on_hit, item);
        else if (name->kind == NAME_EMAIL)
            watchset_find_email(doing->set, name->text, on_hit, item);
        else if (name->kind == NAME_URI)
            watchset_find_uri(doing->set, name->text, on_hit, item);
    }
}

static void show_names(const struct ownfiles_item *own, char out[TEXT_MAX])
{
    struct buf text;
    buf_init(&text, 65536);
    for (size_t i = 0; i < own->name_count && i < NAMES_SHOWN; i++) {
        char shown[60];
        const struct span *ip = own->names[i].kind == NAME_IP ? &own->names[i].raw : NULL;
        if (ip == NULL || (ip->len != 4 && ip->len != 16))
            (void)text_visible_str(own->names[i].text, shown, sizeof shown);
        else
            must(inet_ntop(ip->len == 4 ? AF_INET : AF_INET6, ip->at, shown, sizeof shown) != NULL);
        buf_fmt(&text, "%s%s", i == 0 ? "" : ", ", shown);
    }
    if (own->name_count > NAMES_SHOWN)
        buf_fmt(&text, " and %zu more", own->name_count - NAMES_SHOWN);
    (void)snprintf(out, TEXT_MAX, "%s", buf_text(&text));
    buf_fini(&text);
}

static void on_item(void *arg, const struct ownfiles_item *own)
{
    struct authorizing *doing = arg;
    if ((doing->count & (doing->count - 1)) == 0) {
        doing->items =
            reallocarray(doing->items, doing->count == 0 ? 1 : 2 * doing->count, sizeof *doing->items);
        must(doing->items != NULL);
    }
    struct item *item = &doing->items[doing->count++];
    *item = (struct item){.own = *own, .file = strdup(own->file)};
    must(item->file != NULL);
    item->own.file = item->file;
    item->own.names = NULL;
    show_names(own, item->names);
    if (!own->is_ca)
        find_domains(doing, own, item);
}

static void on_odd(void *arg, const char *file, const char *what)
{
    struct authorizing *doing = arg;
    char shown[300];
    char said[300];
    doing->odd++;
    fprintf(stderr, "ctvigil: %s: %s\n", text_visible_str(span_str(file), shown, sizeof shown),
            text_visible_str(span_str(what), said, sizeof said));
}

/* A key has no names: it belongs to its certificates and requests, or to who was named. */
static void find_owners(struct authorizing *doing)
{
    for (size_t i = 0; i < doing->count; i++) {
        struct item *key = &doing->items[i];
        if (key->own.kind != OWNFILES_KEY)
            continue;
        for (size_t k = 0; k < doing->count; k++) {
            const struct item *other = &doing->items[k];
            bool same = other->own.kind != OWNFILES_KEY &&
                        memcmp(other->own.spki_sha256, key->own.spki_sha256, 32) == 0;
            for (size_t d = 0; same && d < other->id_count; d++)
                (void)add_id(key, other->ids[d]);
        }
        for (size_t d = 0; key->id_count == 0 && d < doing->what->domains.count; d++)
            (void)add_id(key, doing->ids[d]);
    }
}

static bool concerns(const struct item *item, int64_t id)
{
    for (size_t i = 0; i < item->id_count; i++)
        if (item->ids[i] == id)
            return true;
    return false;
}

static bool add_hash(struct authorizing *doing, const struct watch *watch, struct watch_hashes *list,
                     const uint8_t hash[32], const struct item *item)
{
    char file[TEXT_MAX];
    char label[TEXT_MAX + 8];
    for (size_t i = 0; i < list->count; i++)
        if (memcmp(list->at[i].spki_sha256, hash, 32) == 0)
            return false;
    if (list->count >= LIMIT_POLICY_LIST) {
        doing->full = doing->full == NULL ? strdup(watch->name) : doing->full;
        return false;
    }
    static const char *const forms[] = {"cert", "csr", "key"};
    (void)snprintf(label, sizeof label, "%s:%s", forms[item->own.kind],
                   text_visible_str(span_str(item->file), file, sizeof file));
    must(watch_hashes_add(list, hash, label));
    return true;
}

static bool on_watch(void *arg, struct watch *watch)
{
    struct authorizing *doing = arg;
    bool changed = false;
    for (size_t i = 0; i < doing->count; i++) {
        struct item *item = &doing->items[i];
        if (!concerns(item, watch->id))
            continue;
        bool fresh = add_hash(doing, watch, &watch->key_spki, item->own.spki_sha256, item);
        if (item->own.kind == OWNFILES_CERTIFICATE)
            fresh = add_hash(doing, watch, &watch->key_tbs, item->own.tbs_fp, item) || fresh;
        item->fresh = item->fresh || fresh;
        changed = changed || fresh;
    }
    return changed;
}

static const char *action_of(const struct item *item)
{
    if (item->own.is_ca)
        return "passed_over";
    return item->id_count == 0 ? "no_domain" : item->fresh ? "authorised" : "known";
}

static const char *name_of(const struct db_domain_edit *edit, int64_t id)
{
    for (size_t i = 0; i < edit->count; i++)
        if (edit->watches[i].id == id)
            return edit->watches[i].name;
    return "a domain that is gone";
}

static void say_json(const struct item *item, const struct db_domain_edit *edit)
{
    char spki[65];
    char tbs[65];
    json_t *domains = json_array();
    for (size_t i = 0; i < item->id_count; i++)
        must(json_array_append_new(domains, json_string(name_of(edit, item->ids[i]))) == 0);
    bool is_cert = item->own.kind == OWNFILES_CERTIFICATE;
    cmd_print_json(json_pack(
        "{s:s, s:o, s:s, s:s, s:s, s:s?, s:o}", "schema", "ctvigil.domain.authorized.1", "file",
        cmd_json_latin1(span_str(item->file)), "form", kinds[item->own.kind], "action", action_of(item),
        "spki_sha256", text_hex(span_of(item->own.spki_sha256, 32), spki), "tbs_fp",
        is_cert ? text_hex(span_of(item->own.tbs_fp, 32), tbs) : NULL, "domains", domains));
}

static void say_text(const struct item *item, const struct db_domain_edit *edit, bool dry_run)
{
    char file[300];
    printf("%s: %s", text_visible_str(span_str(item->file), file, sizeof file), kinds[item->own.kind]);
    if (item->names[0] != '\0')
        printf(" for %s", item->names);
    if (item->own.is_ca) {
        puts(": of a CA, which `allow: cert:FILE` is for; passed over");
    } else if (item->id_count == 0) {
        puts(item->own.kind != OWNFILES_KEY ? ": names no registered domain"
                                            : ": no certificate for it is here that names a registered "
                                              "domain; --domain NAME says whose it is");
    } else {
        printf(": %s", !item->fresh ? "known already to"
                       : dry_run    ? "would be authorised for"
                                    : "authorised for");
        for (size_t i = 0; i < item->id_count; i++)
            printf("%s %s", i == 0 ? "" : ",", name_of(edit, item->ids[i]));
        putchar('\n');
    }
}

static void say_all(const struct authorizing *doing, const struct db_domain_edit *edit)
{
    bool dry = doing->what->dry_run;
    size_t fresh = 0;
    for (size_t i = 0; i < doing->count; i++) {
        fresh += doing->items[i].fresh;
        if (doing->cmd->json)
            say_json(&doing->items[i], edit);
        else
            say_text(&doing->items[i], edit, dry);
    }
    fprintf(stderr, "ctvigil: %s%zu of %zu are new, for %zu domain%s", dry ? "nothing done; " : "", fresh,
            doing->count, edit->changed, edit->changed == 1 ? "" : "s");
    if (doing->closed != 0)
        fprintf(stderr, "; %" PRIu64 " open alert%s explained by that and closed", doing->closed,
                doing->closed == 1 ? " is" : "s are");
    if (doing->odd != 0)
        fprintf(stderr, "; %zu could not be used, see above", doing->odd);
    fputc('\n', stderr);
    for (size_t i = 0; i < edit->changed; i++)
        if (edit->watches[i].keys == WATCH_KEYS_OFF && edit->watches[i].allow_count != 0)
            fprintf(stderr,
                    "ctvigil: %s: other keys are no reason for an alert as long as an allowed CA issues"
                    " (keys.mode, docs/policy.md)\n",
                    edit->watches[i].name);
}

/* Also of domains that knew it all: whoever did that before may have been cut off. */
static enum err_code close_alerts(struct pgconn *conn, struct authorizing *doing,
                                  const struct db_domain_edit *edit, struct err *why)
{
    enum err_code code = ERR_OK;
    for (size_t w = 0; code == ERR_OK && w < edit->count; w++) {
        bool any = false;
        uint64_t closed = 0;
        for (size_t i = 0; !any && i < doing->count; i++)
            any = concerns(&doing->items[i], edit->watches[w].id);
        if (any)
            code = db_explain_close(conn, edit->watches[w].id,
                                    "authorised: its key or the certificate itself is one's own"
                                    " (domain authorize)",
                                    &closed, why);
        doing->closed += closed;
    }
    return code;
}

static enum err_code find_named(struct authorizing *doing, const struct watch *watches, size_t count,
                                struct err *why)
{
    for (size_t i = 0; i < doing->what->domains.count; i++) {
        struct watch described = {0};
        char name[DNS_TEXT_MAX];
        enum err_code code = watchname_read(doing->what->domains.item[i], &described, name, why);
        size_t at = 0;
        if (code != ERR_OK)
            return code;
        while (at < count && strcmp(watches[at].name, name) != 0)
            at++;
        if (at == count)
            return err_set(why, ERR_NOT_FOUND, "%s: not registered; 'ctvigil domain list' shows what is",
                           name);
        doing->ids[i] = watches[at].id;
    }
    return ERR_OK;
}

static enum err_code authorize(struct pgconn *conn, struct authorizing *doing, struct db_domain_edit *edit,
                               struct err *why)
{
    struct watch *watches = NULL;
    uint64_t generation = 0;
    size_t count = 0;
    struct ownfiles files = {.each = on_item, .odd = on_odd, .arg = doing};
    enum err_code code = db_domain_load(conn, &watches, &count, &generation, why);
    if (code == ERR_OK)
        code = find_named(doing, watches, count, why);
    if (code != ERR_OK) {
        watch_free(watches, count);
        return code;
    }
    doing->set = watchset_new(watches, count, generation);
    must(doing->set != NULL);
    for (int i = 0; code == ERR_OK && i < doing->what->path_count; i++)
        code = ownfiles_read(&files, doing->what->paths[i], why);
    find_owners(doing);
    if (code == ERR_OK)
        code = db_domain_edit(conn, edit, why);
    if (code == ERR_OK && !edit->dry_run)
        code = close_alerts(conn, doing, edit, why);
    return code;
}

int domainauthorize_run(const struct cmd *cmd, const struct domainauthorize *what)
{
    struct authorizing doing = {.cmd = cmd, .what = what};
    struct db_domain_edit edit = {.each = on_watch, .arg = &doing, .milder = true, .dry_run = what->dry_run};
    struct pgconn *conn = NULL;
    struct err why = {0};
    enum err_code code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = authorize(conn, &doing, &edit, &why);
    if (code == ERR_OK)
        say_all(&doing, &edit);
    if (code == ERR_OK && doing.full != NULL)
        code = err_set(&why, ERR_TOO_BIG, "%s has %d keys or certificates; what is more was left out",
                       doing.full, LIMIT_POLICY_LIST);
    for (size_t i = 0; i < doing.count; i++) {
        free(doing.items[i].file);
        free(doing.items[i].ids);
    }
    free(doing.items);
    free((char *)(uintptr_t)doing.full);
    watch_free(edit.watches, edit.count);
    watchset_unpin(doing.set);
    if (conn != NULL)
        cmd_db_close(conn);
    if (code != ERR_OK)
        return cmd_fail(&why);
    return doing.odd == 0 ? CMD_OK : CMD_STALE;
}
