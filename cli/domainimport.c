#include "cli/domainimport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <arpa/inet.h>

#include <jansson.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/fromcrtsh.h"
#include "cli/fromspotter.h"
#include "db/db_domain.h"
#include "db/db_explain.h"
#include "db/db_known.h"
#include "watcher/watchset.h"

#define REF_MAX 128 /* references are shorter (cli/fromcrtsh.c, cli/fromspotter.c) */

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
    uint64_t seen; /* listed ones that a log has shown */
    bool json;
    const uint8_t *want; /* --tbs; NULL: not said */
    const char *reason;  /* of what is closed */
    const char *label;   /* of what is accepted */
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
            must(watch_hashes_add(&watch->key_tbs, doing->told[i].tbs, doing->label));
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
        code = db_explain_close(doing->conn, edit.watches[i].id, doing->reason, &closed, why);
        doing->closed += closed;
    }
    watch_free(edit.watches, edit.count);
    return code;
}

/* crt.sh's list says no fingerprint, and its serial number and names are anybody's to copy: whoever accepts
 * says which stored issuance is meant, with what is told here at hand. */
static enum err_code not_accepted(const struct importing *doing, const struct db_known *known, bool seen,
                                  const uint8_t fp[32], struct err *why)
{
    char hex[65];
    if (doing->want != NULL)
        return err_set(
            why, ERR_USAGE,
            "%.100s: no issuance of that fingerprint is stored that has its serial number and one of"
            " its names, or its own fingerprint",
            known->ref);
    if (!seen)
        return err_set(why, ERR_USAGE,
                       "%.100s: its fingerprint is not known, because no log that was read has shown it and"
                       " crt.sh's list does not say it; accept it when it was seen, or drop it",
                       known->ref);
    return err_set(
        why, ERR_USAGE,
        "%.100s: one with its serial number and name was seen, which another CA can issue, too: look"
        " at it ('ctvigil cert %s'), and when it is yours say so with '--tbs %.8s...', in full",
        known->ref, text_hex(span_of(fp, 32), hex), hex);
}

static enum err_code on_accept(void *arg, const struct db_known *known, struct err *why)
{
    struct importing *doing = arg;
    struct db_known own = *known;
    uint8_t fp[32] = {0};
    bool seen = false;
    enum err_code code = db_known_seen(doing->conn, known, doing->want, &seen, fp, why);
    if (code != ERR_OK)
        return code;
    bool named =
        known->tbs_fp.len == 32 && (doing->want == NULL || memcmp(doing->want, known->tbs_fp.at, 32) == 0);
    if (!named && (!seen || doing->want == NULL))
        return not_accepted(doing, known, seen, fp, why);
    if (!named)
        own.tbs_fp = span_of(fp, sizeof fp);
    own.accepted = true;
    return on_known(doing, &own, why);
}

static const char *seen_words(const struct db_known *known, bool seen)
{
    if (!seen)
        return "not seen in a log";
    return known->tbs_fp.len == 32 ? "seen in a log" : "one with its serial was seen in a log";
}

static enum err_code on_list(void *arg, const struct db_known *known, struct err *why)
{
    struct importing *doing = arg;
    char begin[TEXT_TIME_MAX];
    char end[TEXT_TIME_MAX];
    char shown[300];
    uint8_t fp[32];
    bool seen = false;
    enum err_code code = db_known_seen(doing->conn, known, NULL, &seen, fp, why);
    if (code != ERR_OK)
        return code;
    doing->known++;
    doing->seen += seen;
    if (doing->json) {
        json_t *names = json_array();
        must(names != NULL);
        for (size_t i = 0; i < known->names.count; i++)
            must(json_array_append_new(names, cmd_json_latin1(span_str(known->names.at[i]))) == 0);
        cmd_print_json(json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:b}", "schema",
                                 "ctvigil.domain.import.listed.1", "source", known->source, "ref", known->ref,
                                 "serial", known->serial, "issuer", cmd_json_latin1(span_str(known->issuer)),
                                 "names", names, "not_before", cmd_json_time(known->not_before * 1000),
                                 "not_after", cmd_json_time(known->not_after * 1000), "seen", (int)seen,
                                 "accepted", (int)known->accepted));
        return ERR_OK;
    }
    printf("%s  %.10s to %.10s  %s%s\n", known->ref, text_time(known->not_before * 1000, false, begin),
           text_time(known->not_after * 1000, false, end), seen_words(known, seen),
           known->accepted ? ", accepted" : "");
    printf("    %s: %s", known->source, text_visible_str(span_str(known->issuer), shown, sizeof shown));
    for (size_t i = 0; i < known->names.count && i < 5; i++)
        printf("%s%s", i == 0 ? "  " : " ",
               text_visible_str(span_str(known->names.at[i]), shown, sizeof shown));
    printf("%s\n", known->names.count > 5 ? " ..." : "");
    return ERR_OK;
}

/* As references are stored: serial numbers without the zeros that crt.sh shows in front of them, in small
 * letters. */
static void read_ref(const char *typed, char out[REF_MAX])
{
    const char *serial = strchr(typed, ':');
    size_t head = serial == NULL ? 0 : (size_t)(serial - typed) + 1;
    if (head >= 2 && head < REF_MAX && strspn(typed, "0123456789") == head - 1)
        (void)snprintf(out, REF_MAX, "%.*s%s", (int)head, typed, serial + 1 + strspn(serial + 1, "0"));
    else
        (void)snprintf(out, REF_MAX, "%s", typed);
    for (char *at = out; *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'F')
            *at = (char)(*at - 'A' + 'a');
}

/* What was imported is looked at, or decided on. */
static enum err_code decide(struct importing *doing, const struct domainimport *what, struct err *why)
{
    uint64_t gone = 0;
    char ref[REF_MAX];
    if (what->list) {
        enum err_code code = db_known_all(doing->conn, on_list, doing, why);
        if (code == ERR_OK && !doing->json)
            printf("%" PRIu64 " imported, %" PRIu64 " of them seen in a log; --accept REF expects one, --drop"
                   " REF forgets it\n",
                   doing->known, doing->seen);
        return code;
    }
    read_ref(what->drop != NULL ? what->drop : what->accept, ref);
    if (what->drop == NULL)
        return db_known_one(doing->conn, ref, on_accept, doing, why);
    enum err_code code = db_known_drop(doing->conn, ref, &gone, why);
    if (code == ERR_OK && gone == 0)
        code =
            err_set(why, ERR_NOT_FOUND, "nothing was imported under '%.100s'; 'domain import --list'", ref);
    if (code == ERR_OK && !doing->json)
        printf("dropped: `domain learn` counts it no longer\n");
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
    if (what->list || what->accept != NULL || what->drop != NULL) {
        code = decide(doing, what, why);
        return code == ERR_OK ? accept_told(doing, why) : code;
    }
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

static void tell_taken(const struct cmd *cmd, const struct importing *doing)
{
    if (cmd->json)
        cmd_print_json(json_pack("{s:s, s:I, s:I, s:I, s:I}", "schema", "ctvigil.domain.imported.1", "added",
                                 (json_int_t)doing->added, "known", (json_int_t)doing->known, "accepted",
                                 (json_int_t)doing->accepted, "alerts_closed", (json_int_t)doing->closed));
    else
        printf("%" PRIu64 " certificate%s imported, %" PRIu64 " known before; unverified, for `domain learn`"
               " alone\n",
               doing->added, doing->added == 1 ? "" : "s", doing->known);
    if (!cmd->json && doing->accepted != 0)
        printf("%" PRIu64
               " of them certspotter had told of: accepted in %zu case%s by registered domains, %" PRIu64
               " open alert%s closed\n",
               doing->accepted, doing->told_count, doing->told_count == 1 ? "" : "s", doing->closed,
               doing->closed == 1 ? "" : "s");
}

int domainimport_run(const struct cmd *cmd, const struct domainimport *what)
{
    struct importing doing = {.json = cmd->json,
                              .reason = "accepted: certspotter had told of it before (domain import)",
                              .label = "certspotter told of it"};
    bool reads = what->crtsh != NULL || what->certspotter != NULL;
    uint8_t want[32];
    struct err why = {0};
    if (what->tbs != NULL && (what->accept == NULL || strlen(what->tbs) != 64 ||
                              !text_unhex(span_str(what->tbs), want, sizeof want)))
        return cmd_usage(cmd, "import: --tbs HEX is a SHA-256, and goes with --accept REF");
    doing.want = what->tbs != NULL ? want : NULL;
    if (reads + what->list + (what->accept != NULL) + (what->drop != NULL) != 1)
        return cmd_usage(cmd, "import: --crtsh FILE or --certspotter DIR says what, or one of --list,"
                              " --accept REF and --drop REF");
    if (what->accept != NULL) {
        doing.reason = "accepted: imported history (domain import --accept)";
        doing.label = "accepted out of imported history";
    }
    enum err_code code = cmd_db_open(cmd, &doing.conn, &why);
    if (code == ERR_OK)
        code = import_all(&doing, what, &why);
    if (code == ERR_OK && reads)
        tell_taken(cmd, &doing);
    else if (code == ERR_OK && what->accept != NULL && !cmd->json)
        printf("accepted in %zu registered domain%s, %" PRIu64 " open alert%s closed\n", doing.told_count,
               doing.told_count == 1 ? "" : "s", doing.closed, doing.closed == 1 ? "" : "s");
    free(doing.told);
    watchset_unpin(doing.set);
    if (doing.conn != NULL)
        cmd_db_close(doing.conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}
