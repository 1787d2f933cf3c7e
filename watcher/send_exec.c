#include "watcher/send_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "watcher/child.h"
#include "watcher/message.h"

#define PATH_LEN      4096
#define VARIABLES_MAX 48
#define INHERITED_MAX 4096
#define VALUE_MAX     8192 /* the kernel refuses one string above 128 kB */
#define SAID_SHOWN    400  /* of a delivery's last error */
#define GRACE_MS      2000

struct hook {
    struct channel channel;
    char name[SEND_EXEC_NAME_MAX];
    char program[PATH_LEN];
    char dir[PATH_LEN - 64];
    int64_t timeout_ms;
};

/* The environment and the files of one run. */
struct run {
    char *variables[VARIABLES_MAX];
    size_t count;
    bool failed;
    char dir[PATH_LEN];
    char alert_json[PATH_LEN + 32];
    char cert_json[PATH_LEN + 32];
    char cert_pem[PATH_LEN + 32];
    char text[PATH_LEN + 32];
    char entry[PATH_LEN + 32];
};

static void set(struct run *run, const char *name, const char *value)
{
    must(run->count < VARIABLES_MAX);
    if (value == NULL || value[0] == '\0')
        return;
    if (asprintf(&run->variables[run->count], "%s=%.*s", name, VALUE_MAX, value) < 0)
        run->failed = true;
    else
        run->count++;
}

static void set_number(struct run *run, const char *name, int64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    set(run, name, text);
}

/* certspotter gives each time in three forms. */
static void set_time(struct run *run, const char *const names[3], const char *rfc3339)
{
    int64_t unix_ms;
    if (!text_parse_time(span_str(rfc3339), &unix_ms))
        return;
    set(run, names[0], rfc3339);
    set(run, names[1], rfc3339);
    set_number(run, names[2], unix_ms / 1000);
}

static bool about_certificate(const struct db_alert_row *row)
{
    char form[32];
    return row->has_fp && strcmp(message_issuance(row, "form", form, sizeof form), "unparsed") != 0;
}

/* Of these kinds an alert about a certificate is no news of the certificate: it was in a log long before, or
 * (`told`) its discovery was told. Trust data, key lists and the calendar moved, not the certificate. */
static bool known_before(const struct db_alert_row *row)
{
    static const struct {
        const char *kind;
        bool told; /* only when it was told before: the same kind may be what a new one is told for */
    } rows[] = {
        {"expiring", false},
        {"missing_renewal", false},
        {"unusual_renewal", false},
        {"sct_not_incorporated", false},
        {"distrusted_ca", true},
        {"single_store_ca", true},
        {"untrusted_ca", true},
        {"unknown_issuer_key", true},
        {"constraint_violation", true},
        {"compromised_key", true},
    };
    bool told = strcmp(row->event, "escalated") == 0 || strcmp(row->event, "seen_again") == 0;
    for (size_t i = 0; i < countof(rows); i++)
        if (strcmp(row->kind, rows[i].kind) == 0)
            return told || !rows[i].told;
    return false;
}

static const char *event_of(const struct db_alert_row *row)
{
    if (strcmp(row->kind, "test") == 0)
        return "test";
    if (strcmp(row->event, "withdrawn") == 0)
        return "withdrawn";
    if (about_certificate(row))
        return known_before(row) ? "known_cert" : "discovered_cert";
    return strcmp(row->kind, "malformed") == 0 ? "malformed_cert" : "error";
}

static void set_member(struct run *run, const char *name, const struct db_alert_row *row, const char *member)
{
    char text[VALUE_MAX];
    set(run, name, message_issuance(row, member, text, sizeof text));
}

/* certspotter's words for what could not be read; absent when it could. */
static void set_errors(struct run *run, const struct db_alert_row *row)
{
    static const char dn[] = "issuer or subject can not be read";
    const char *chain = NULL;
    if (message_has_finding(row, "chain_mismatch"))
        chain = "no certificate of the chain has the issuer's key";
    else if (message_has_finding(row, "precert_mismatch"))
        chain = "the precertificate does not fit the logged TBSCertificate";
    else if (message_has_finding(row, "issuer_unverified"))
        chain = "no certificate of the chain proves the signature";
    bool names = message_has_finding(row, "name_unreadable");
    set(run, "CHAIN_ERROR", chain);
    set(run, "VALIDITY_PARSE_ERROR",
        message_has_finding(row, "time_unreadable") ? "a validity time can not be read" : NULL);
    set(run, "SUBJECT_PARSE_ERROR", names ? dn : NULL);
    set(run, "ISSUER_PARSE_ERROR", names ? dn : NULL);
}

static void set_entry(struct run *run, const struct db_alert_row *row)
{
    char text[64];
    if (!row->has_entry)
        return;
    (void)text_base64(span_of(row->leaf_hash, 32), text);
    set(run, "LEAF_HASH", text);
    set(run, "ENTRY_FILENAME", run->entry);
}

static void set_certificate(struct run *run, const struct db_alert_row *row)
{
    static const char *const before[] = {"NOT_BEFORE", "NOT_BEFORE_RFC3339", "NOT_BEFORE_UNIXTIME"};
    static const char *const after[] = {"NOT_AFTER", "NOT_AFTER_RFC3339", "NOT_AFTER_UNIXTIME"};
    char text[VALUE_MAX];
    char subject[VALUE_MAX + 8];
    char fp[65];
    set(run, "TBS_SHA256", text_hex(span_of(row->tbs_fp, 32), fp));
    set_member(run, "CERT_SHA256", row, "sha256");
    set_member(run, "FINGERPRINT", row, "sha256");
    set_member(run, "PUBKEY_SHA256", row, "spki_sha256");
    set_member(run, "PUBKEY_HASH", row, "spki_sha256");
    set_member(run, "ISSUER_DN", row, "issuer");
    set_member(run, "SERIAL", row, "serial");
    set_time(run, before, message_issuance(row, "not_before", text, sizeof text));
    set_time(run, after, message_issuance(row, "not_after", text, sizeof text));
    if (message_issuance(row, "subject", text, sizeof text)[0] != '\0') {
        set(run, "SUBJECT_DN", text);
    } else if (message_issuance(row, "subject_cn", text, sizeof text)[0] != '\0') {
        (void)snprintf(subject, sizeof subject, "CN=%s", text);
        set(run, "SUBJECT_DN", subject);
    }
    set_errors(run, row);
    set(run, "CERT_PARSEABLE", "yes");
    set(run, "JSON_FILENAME", run->cert_json);
    if (row->der.len != 0)
        set(run, "CERT_FILENAME", run->cert_pem);
}

static void set_variables(struct run *run, const struct channel_message *message)
{
    const struct db_alert_row *row = message->row;
    const char *event = event_of(row);
    set(run, "EVENT", event);
    set(run, "SUMMARY", message->line);
    set(run, "WATCH_ITEM", row->domain);
    if (row->sighting_count != 0) {
        set(run, "LOG_URI", row->sightings[0].log_url);
        set_number(run, "ENTRY_INDEX", (int64_t)row->sightings[0].index);
    }
    if (about_certificate(row) && strcmp(event, "test") != 0)
        set_certificate(run, row);
    if (strcmp(event, "malformed_cert") == 0) {
        set(run, "PARSE_ERROR", message->line);
        set(run, "CERT_PARSEABLE", "no");
        set_entry(run, row);
    }
    set(run, "TEXT_FILENAME", run->text);
    set(run, "CTVIGIL_ALERT_JSON", run->alert_json);
    set_number(run, "CTVIGIL_ALERT_ID", row->id);
    set(run, "CTVIGIL_EVENT", row->event);
    set(run, "CTVIGIL_KIND", row->kind);
    set(run, "CTVIGIL_SEVERITY", row->severity);
    set(run, "CTVIGIL_DELIVERY_KEY", message->key);
}

static enum err_code write_file(const char *path, const char *text, struct err *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL) {
        if (fd >= 0)
            close(fd);
        return err_set(why, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    }
    bool ok = fprintf(file, "%s\n", text) >= 0;
    ok = fclose(file) == 0 && ok;
    return ok ? ERR_OK : err_set(why, ERR_SYSTEM, "%s: %s", path, strerror(errno));
}

static enum err_code write_files(struct run *run, const struct channel_message *message, struct err *why)
{
    char *text = NULL;
    enum err_code code = write_file(run->alert_json, message->json, why);
    if (code == ERR_OK)
        code = message_page(message->row, &text, why);
    if (code == ERR_OK)
        code = write_file(run->text, text, why);
    free(text);
    text = NULL;
    if (code == ERR_OK && about_certificate(message->row)) {
        code = message_certspotter(message->row, &text, why);
        if (code == ERR_OK)
            code = write_file(run->cert_json, text, why);
        free(text);
        text = NULL;
    }
    if (code == ERR_OK && about_certificate(message->row) && message->row->der.len != 0) {
        code = message_pem(message->row, &text, why);
        if (code == ERR_OK)
            code = write_file(run->cert_pem, text, why);
        free(text);
        text = NULL;
    }
    if (code == ERR_OK && message->row->has_entry) {
        code = message_entry(message->row, &text, why);
        if (code == ERR_OK)
            code = write_file(run->entry, text, why);
        free(text);
    }
    return code;
}

static enum err_code run_open(const struct hook *hook, struct run *run, struct err *why)
{
    const char *base = hook->dir;
    if (base[0] == '\0')
        base = getenv("TMPDIR");
    if (base == NULL || base[0] == '\0' || strlen(base) > PATH_LEN - 64)
        base = "/tmp";
    *run = (struct run){0};
    (void)snprintf(run->dir, sizeof run->dir, "%s/ctvigil-alert-XXXXXX", base);
    if (mkdtemp(run->dir) == NULL)
        return err_set(why, ERR_SYSTEM, "%s: %s", run->dir, strerror(errno));
    (void)snprintf(run->alert_json, sizeof run->alert_json, "%s/alert.json", run->dir);
    (void)snprintf(run->cert_json, sizeof run->cert_json, "%s/cert.v1.json", run->dir);
    (void)snprintf(run->cert_pem, sizeof run->cert_pem, "%s/cert.pem", run->dir);
    (void)snprintf(run->text, sizeof run->text, "%s/alert.txt", run->dir);
    (void)snprintf(run->entry, sizeof run->entry, "%s/entry.json", run->dir);
    return ERR_OK;
}

static void run_close(struct run *run)
{
    (void)unlink(run->alert_json);
    (void)unlink(run->cert_json);
    (void)unlink(run->cert_pem);
    (void)unlink(run->text);
    (void)unlink(run->entry);
    (void)rmdir(run->dir);
    for (size_t i = 0; i < run->count; i++)
        free(run->variables[i]);
}

/* Our own settings may hold the database's password; a name we set ourselves must not come twice. */
static bool inherits(const struct run *run, const char *entry)
{
    const char *equals = strchr(entry, '=');
    size_t name_len = equals == NULL ? 0 : (size_t)(equals - entry) + 1;
    if (name_len == 0 || strncmp(entry, "CTVIGIL_", 8) == 0 || strncmp(entry, "PGPASS", 6) == 0)
        return false;
    for (size_t i = 0; i < run->count; i++) {
        if (strncmp(entry, run->variables[i], name_len) == 0)
            return false;
    }
    return true;
}

static char **environment_of(const struct run *run)
{
    size_t inherited = 0;
    size_t count = 0;
    while (environ[inherited] != NULL && inherited < INHERITED_MAX)
        inherited++;
    char **all = calloc(inherited + run->count + 1, sizeof *all);
    if (all == NULL)
        return NULL;
    for (size_t i = 0; i < inherited; i++) {
        if (inherits(run, environ[i]))
            all[count++] = environ[i];
    }
    for (size_t i = 0; i < run->count; i++)
        all[count++] = run->variables[i];
    return all;
}

/* The end of what the program said, made visible; less of it when much has to be spelled out. */
static void said_text(const struct child_result *result, char out[SAID_SHOWN])
{
    struct span said = span_of(result->said, result->said_len);
    while (said.len != 0 && (said.at[said.len - 1] == '\n' || said.at[said.len - 1] == ' '))
        said.len--;
    for (size_t tail = SAID_SHOWN / 2; tail != 0; tail /= 2) {
        size_t begin = said.len > tail ? said.len - tail : 0;
        struct buf visible;
        buf_init(&visible, 8 * SAID_SHOWN);
        text_visible(&visible, span_part(said, begin, said.len));
        bool fits = buf_ok(&visible) && visible.len < SAID_SHOWN;
        if (fits)
            (void)snprintf(out, SAID_SHOWN, "%s", buf_text(&visible));
        buf_fini(&visible);
        if (fits)
            return;
    }
    out[0] = '\0';
}

static enum err_code judge(const struct hook *hook, const struct child_result *result, struct err *why)
{
    char said[SAID_SHOWN];
    said_text(result, said);
    const char *colon = said[0] == '\0' ? "" : ": ";
    if (result->timed_out)
        return err_set(why, ERR_TIMEOUT, "%s: ended after %" PRId64 " ms%s%s", hook->program,
                       hook->timeout_ms, colon, said);
    if (WIFSIGNALED(result->status))
        return err_set(why, ERR_SYSTEM, "%s: killed by signal %d%s%s", hook->program,
                       WTERMSIG(result->status), colon, said);
    if (!WIFEXITED(result->status) || WEXITSTATUS(result->status) != 0)
        return err_set(why, ERR_SYSTEM, "%s: exit status %d%s%s", hook->program, WEXITSTATUS(result->status),
                       colon, said);
    return ERR_OK;
}

static enum err_code send_run(struct channel *channel, const struct channel_message *message, struct err *why)
{
    struct hook *hook = (struct hook *)channel;
    struct child_result result;
    struct run run;
    enum err_code code = run_open(hook, &run, why);
    if (code != ERR_OK)
        return code;
    set_variables(&run, message);
    char **environment = run.failed ? NULL : environment_of(&run);
    if (environment == NULL)
        code = err_set(why, ERR_MEMORY, "%s: no memory for its environment", hook->program);
    if (code == ERR_OK)
        code = write_files(&run, message, why);
    if (code == ERR_OK) {
        struct child_options options = {hook->program, environment, hook->timeout_ms, GRACE_MS,
                                        channel->stop};
        code = child_run(&options, &result, why);
    }
    if (code == ERR_OK)
        code = judge(hook, &result, why);
    free(environment);
    run_close(&run);
    return code;
}

static void destroy(struct channel *channel)
{
    free(channel);
}

static const struct channel_ops ops = {.send = send_run, .free = destroy};

void send_exec_name(struct channel *channel, const char *name)
{
    struct hook *hook = (struct hook *)channel;
    must(strlen(name) < sizeof hook->name);
    (void)snprintf(hook->name, sizeof hook->name, "%s", name);
    channel->name = hook->name;
}

enum err_code send_exec_new(const char *program, const char *dir, int64_t timeout_ms,
                            struct channel **channel, struct err *why)
{
    *channel = NULL;
    if (program[0] == '\0' || strlen(program) >= PATH_LEN || (dir != NULL && strlen(dir) >= PATH_LEN - 64))
        return err_set(why, ERR_CONFIG, "hook.command: not the path of a program");
    if (strchr(program, '/') != NULL) {
        struct stat info;
        if (access(program, X_OK) != 0 || stat(program, &info) != 0)
            return err_set(why, ERR_CONFIG, "hook.command: %s: %s", program, strerror(errno));
        if (!S_ISREG(info.st_mode))
            return err_set(why, ERR_CONFIG, "hook.command: %s: not a program", program);
    }
    struct hook *hook = calloc(1, sizeof *hook);
    if (hook == NULL)
        return err_set(why, ERR_MEMORY, "hook: no memory");
    hook->channel = (struct channel){
        .ops = &ops, .name = SEND_EXEC_NAME, .send_ms_max = timeout_ms + GRACE_MS + 1000, .whole = true};
    hook->timeout_ms = timeout_ms;
    send_exec_name(&hook->channel, SEND_EXEC_NAME);
    (void)snprintf(hook->program, sizeof hook->program, "%s", program);
    (void)snprintf(hook->dir, sizeof hook->dir, "%s", dir == NULL ? "" : dir);
    *channel = &hook->channel;
    return ERR_OK;
}
