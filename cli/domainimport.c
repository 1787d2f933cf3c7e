#include "cli/domainimport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <arpa/inet.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/fromcrtsh.h"
#include "cli/fromspotter.h"
#include "db/db_domain.h"
#include "db/db_explain.h"
#include "db/db_known.h"
#include "watcher/watchset.h"

struct told {
    uint8_t tbs[32];
    int64_t domain;
};

struct importing {
    struct pgconn *conn;
    struct watchset *set;
    struct told *told; /* what certspotter had told of, and whose it is */
    size_t told_count;
    const uint8_t *tbs; /* at hand */
    uint64_t added;
    uint64_t known;
    uint64_t accepted;
    uint64_t closed;
};

static void on_hit(void *arg, const struct watch *watch)
{
    struct importing *doing = arg;
    for (size_t i = doing->told_count; i-- > 0 && memcmp(doing->told[i].tbs, doing->tbs, 32) == 0;)
        if (doing->told[i].domain == watch->id)
            return;
    if ((doing->told_count & (doing->told_count - 1)) == 0) {
        doing->told = reallocarray(doing->told, doing->told_count == 0 ? 1 : 2 * doing->told_count,
                                   sizeof *doing->told);
        must(doing->told != NULL);
    }
    struct told *told = &doing->told[doing->told_count++];
    memcpy(told->tbs, doing->tbs, 32);
    told->domain = watch->id;
}

/* Whose it is, as matching would say: by names, addresses and its key. */
static void find_whose(struct importing *doing, const struct db_known *known)
{
    for (size_t i = 0; i < known->names.count; i++) {
        const char *name = known->names.at[i];
        uint8_t ip[16];
        if (inet_pton(AF_INET, name, ip) == 1)
            watchset_find_ip(doing->set, span_of(ip, 4), on_hit, doing);
        else if (inet_pton(AF_INET6, name, ip) == 1)
            watchset_find_ip(doing->set, span_of(ip, 16), on_hit, doing);
        else
            watchset_find(doing->set, span_str(name), on_hit, doing);
    }
    if (known->spki_sha256.len == 32)
        watchset_find_spki(doing->set, known->spki_sha256.at, on_hit, doing);
}

static enum err_code on_known(void *arg, const struct db_known *known, struct err *why)
{
    struct importing *doing = arg;
    bool added = false;
    enum err_code code = db_known_put(doing->conn, known, &added, why);
    doing->added += added;
    doing->known += !added;
    doing->accepted += known->accepted;
    if (code == ERR_OK && known->accepted && known->tbs_fp.len == 32) {
        doing->tbs = known->tbs_fp.at;
        find_whose(doing, known);
    }
    return code;
}

static enum err_code read_file(const char *path, uint8_t **bytes, size_t *len, struct err *why)
{
    struct stat st;
    FILE *file = fopen(path, "rbe");
    *bytes = NULL;
    *len = 0;
    if (file == NULL || fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size > (off_t)LIMIT_KNOWN_FILE) {
        const char *wrong = file == NULL ? strerror(errno) : "no file, or larger than 256 MB";
        (void)err_set(why, ERR_USAGE, "%s: %s", path, wrong);
        if (file != NULL)
            (void)fclose(file);
        return ERR_USAGE;
    }
    *bytes = malloc((size_t)st.st_size + 1);
    must(*bytes != NULL);
    *len = fread(*bytes, 1, (size_t)st.st_size, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    return failed ? err_set(why, ERR_SYSTEM, "%s: it can not be read", path) : ERR_OK;
}

static void say_passed(const char *path, uint64_t passed, const char *first)
{
    char shown[300];
    char said[400];
    if (passed != 0)
        fprintf(stderr, "ctvigil: %s: %" PRIu64 " passed over; the first: %s\n",
                text_visible_str(span_str(path), shown, sizeof shown), passed,
                text_visible_str(span_str(first), said, sizeof said));
}

static enum err_code import_crtsh(struct importing *doing, const char *path, struct err *why)
{
    struct fromcrtsh reading = {.each = on_known, .arg = doing};
    uint8_t *bytes = NULL;
    size_t len = 0;
    char shown[200];
    struct err inner = {0};
    enum err_code code = read_file(path, &bytes, &len, why);
    if (code == ERR_OK) {
        code = fromcrtsh_read(span_of(bytes, len), &reading, &inner);
        if (code != ERR_OK)
            (void)err_set(why, code, "%s: %s", text_visible_str(span_str(path), shown, sizeof shown),
                          inner.text);
    }
    free(bytes);
    say_passed(path, reading.passed, reading.first);
    return code;
}

static enum err_code import_spotter(struct importing *doing, const char *dir, struct err *why)
{
    struct fromspotter reading = {.each = on_known, .arg = doing};
    enum err_code code = fromspotter_read(dir, &reading, why);
    say_passed(dir, reading.passed, reading.first);
    return code;
}

static bool on_watch(void *arg, struct watch *watch)
{
    const struct importing *doing = arg;
    bool changed = false;
    for (size_t i = 0; i < doing->told_count; i++) {
        bool has = doing->told[i].domain != watch->id || watch->key_tbs.count >= LIMIT_POLICY_LIST;
        for (size_t k = 0; !has && k < watch->key_tbs.count; k++)
            has = memcmp(watch->key_tbs.at[k].spki_sha256, doing->told[i].tbs, 32) == 0;
        if (!has)
            must(watch_hashes_add(&watch->key_tbs, doing->told[i].tbs, "certspotter told of it"));
        changed = changed || !has;
    }
    return changed;
}

static bool is_told_of(const struct importing *doing, const struct watch *watch)
{
    for (size_t i = 0; i < doing->told_count; i++)
        if (doing->told[i].domain == watch->id)
            return true;
    return false;
}

/* Closes also what a run before this one accepted, and did not live to close. */
static enum err_code accept_told(struct importing *doing, struct err *why)
{
    struct db_domain_edit edit = {.each = on_watch, .arg = doing, .milder = true};
    if (doing->told_count == 0)
        return ERR_OK;
    enum err_code code = db_domain_edit(doing->conn, &edit, why);
    for (size_t i = 0; code == ERR_OK && i < edit.count; i++) {
        uint64_t closed = 0;
        if (i >= edit.changed && !is_told_of(doing, &edit.watches[i]))
            continue;
        code = db_explain_close(doing->conn, edit.watches[i].id,
                                "accepted: certspotter had told of it before (domain import)", &closed, why);
        doing->closed += closed;
    }
    watch_free(edit.watches, edit.count);
    return code;
}

static enum err_code import_all(struct importing *doing, const struct domainimport *what, struct err *why)
{
    struct watch *watches = NULL;
    uint64_t generation = 0;
    size_t count = 0;
    enum err_code code = db_domain_load(doing->conn, &watches, &count, &generation, why);
    if (code != ERR_OK)
        return code;
    doing->set = watchset_new(watches, count, generation);
    must(doing->set != NULL);
    code = db_known_begin(doing->conn, why);
    if (code != ERR_OK)
        return code;
    if (what->crtsh != NULL)
        code = import_crtsh(doing, what->crtsh, why);
    if (code == ERR_OK && what->certspotter != NULL)
        code = import_spotter(doing, what->certspotter, why);
    code = db_known_end(doing->conn, code, why);
    return code == ERR_OK ? accept_told(doing, why) : code;
}

int domainimport_run(const struct cmd *cmd, const struct domainimport *what)
{
    struct importing doing = {.conn = NULL};
    struct err why = {0};
    if (what->crtsh == NULL && what->certspotter == NULL)
        return cmd_usage(cmd, "import: --crtsh FILE or --certspotter DIR says what");
    enum err_code code = cmd_db_open(cmd, &doing.conn, &why);
    if (code == ERR_OK)
        code = import_all(&doing, what, &why);
    if (code == ERR_OK && cmd->json)
        cmd_print_json(json_pack("{s:s, s:I, s:I, s:I, s:I}", "schema", "ctvigil.domain.imported.1", "added",
                                 (json_int_t)doing.added, "known", (json_int_t)doing.known, "accepted",
                                 (json_int_t)doing.accepted, "alerts_closed", (json_int_t)doing.closed));
    else if (code == ERR_OK)
        printf("%" PRIu64 " certificates imported, %" PRIu64 " were known; they are unverified, for"
               " `domain learn` alone\n",
               doing.added, doing.known);
    if (code == ERR_OK && !cmd->json && doing.accepted != 0)
        printf("%" PRIu64
               " of them certspotter had told of: accepted in %zu cases by registered domains, %" PRIu64
               " open alert%s closed\n",
               doing.accepted, doing.told_count, doing.closed, doing.closed == 1 ? "" : "s");
    free(doing.told);
    watchset_unpin(doing.set);
    if (doing.conn != NULL)
        cmd_db_close(doing.conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}
