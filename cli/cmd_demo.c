/* The whole story on one machine, with nothing configured. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/opt.h"
#include "cli/roles.h"
#include "cli/simulator.h"
#include "db/cluster.h"
#include "db/db_alert.h"
#include "db/db_domain.h"
#include "db/db_log.h"
#include "verify/logkey.h"

#define DEMO_ENTRIES      600
#define DEMO_RATE         2u /* entries per second while the demo stays open */
#define DEMO_WAIT_MS      30000
#define DEMO_FOLDER       "ctvigil-demo."
#define DEMO_LOCK         "demo.lock" /* held while the demo lives */
#define DEMO_TELL_ENTRIES 10          /* smaller commits are not worth a line */

/* What is issued, and what must come of it. */
static const struct demo_step {
    const char *ca;
    const char *name;
    int days;
    const char *expected; /* alert kind; NULL: silence */
    const char *text;
} demo_steps[] = {
    {"demo", "www.bank.example", 90, NULL, "the expected CA renews a certificate"},
    {"other", "login.bank.example", 90, "unexpected_ca", "a CA nobody allowed issues for the bank"},
    {"demo", "*.shop.example", 90, "unexpected_wildcard",
     "the expected CA issues a wildcard nobody asked for"},
    {"demo", "pay.shop.example", 400, "over_long_validity", "the expected CA issues for 400 days"},
};

static const char *const demo_domains[] = {"bank.example", "shop.example"};

struct demo {
    struct cmd *cmd;
    struct pgconn *conn;
    struct simulator simulator;
    struct roles_ingest *ingest;
    int lock;
    char scratch[64]; /* a state directory of its own, removed at the end; "" when the user named one */
    struct conf conf;
    int64_t shown; /* id of the last alert that was printed */
    bool json;
    atomic_bool quiet;
};

struct demo_seen {
    struct demo *demo;
    size_t raised;
    size_t fitting[countof(demo_steps)];
    size_t sightings[countof(demo_steps)];
    int64_t newest;
    bool print;
};

static void demo_told(void *arg, const struct ctlog *log, const char *event, uint64_t begin, uint64_t end)
{
    const struct demo *demo = arg;

    if (demo->json || atomic_load(&demo->quiet))
        return;
    if (strcmp(event, "verified") == 0)
        printf("  verified  %-14s %llu entries: the tree rebuilt from them has the signed root\n", log->name,
               (unsigned long long)end);
    else if (strcmp(event, "commit") == 0 && end - begin >= DEMO_TELL_ENTRIES)
        printf("  stored    %-14s entries %llu to %llu\n", log->name, (unsigned long long)begin,
               (unsigned long long)end - 1);
    else if (strcmp(event, "mismatch") == 0)
        printf("  MISMATCH  %-14s the tree rebuilt from %llu entries has another root than the signed one\n",
               log->name, (unsigned long long)end);
    (void)fflush(stdout);
}

static enum err_code demo_add_log(struct demo *demo, const char *name, enum ctlog_protocol protocol,
                                  const char *url, struct err *why)
{
    struct ctlog log = {.protocol = protocol};
    enum err_code code;

    (void)snprintf(log.name, sizeof log.name, "%s", name);
    (void)snprintf(log.url, sizeof log.url, "%s", url);
    (void)snprintf(log.submission_url, sizeof log.submission_url, "%s", demo->simulator.submission_url);
    const char *scheme_end = strstr(log.submission_url, "://");
    (void)snprintf(log.origin, sizeof log.origin, "%s",
                   scheme_end == NULL ? log.submission_url : scheme_end + 3);
    if ((code = logkey_set_from_user(&log, span_str(demo->simulator.key), why)) != ERR_OK)
        return code;
    return db_log_add(demo->conn, &log, "0", 0, why);
}

static enum err_code demo_add_domain(struct demo *demo, const char *name, struct err *why)
{
    char label[80];
    struct watch_allow allow = {.label = label};
    struct watch watch = {.kind = WATCH_DNS, .allow = &allow, .allow_count = 1};
    uint64_t generation;
    char copy[64];

    (void)snprintf(label, sizeof label, "spki:%s", demo->simulator.ca_demo);
    (void)snprintf(copy, sizeof copy, "%s", name);
    watch.name = copy;
    if (!text_unhex(span_str(demo->simulator.ca_demo), allow.spki_sha256, 32))
        return err_set(why, ERR_FORMAT, "the simulator's CA key hash is not hex");
    enum err_code code = db_domain_add(demo->conn, &watch, NULL, 0, &watch.id, &generation, why);
    return code == ERR_OK ? db_domain_history_done(demo->conn, watch.id, 0, NULL, why) : code;
}

static size_t demo_step_of(const struct db_alert_row *row)
{
    for (size_t i = 0; i < countof(demo_steps); i++)
        if (demo_steps[i].expected != NULL && strcmp(demo_steps[i].expected, row->kind) == 0 &&
            row->name != NULL && strcmp(demo_steps[i].name, row->name) == 0)
            return i;
    return countof(demo_steps);
}

static void demo_print_alert(const struct db_alert_row *row)
{
    json_t *findings = json_loads(row->findings, 0, NULL);

    printf("  ALERT     %s %s for %s: %s\n", row->severity, row->kind,
           row->domain == NULL ? "a log" : row->domain, row->name == NULL ? "" : row->name);
    for (size_t i = 0; i < json_array_size(findings); i++) {
        json_t *finding = json_array_get(findings, i);
        printf("            expected ");
        cmd_print_visible(span_str(json_string_value(json_object_get(finding, "expected"))), 0);
        printf("\n            found    ");
        cmd_print_visible(span_str(json_string_value(json_object_get(finding, "found"))), 0);
        printf("\n");
    }
    for (size_t i = 0; i < row->sighting_count; i++) {
        const struct db_alert_sighting *seen = &row->sightings[i];
        bool first = i == 0 || strcmp(seen[-1].log, seen->log) != 0;
        if (first)
            printf("%s            seen in  %s:", i == 0 ? "" : "\n", seen->log);
        printf("%s entry %llu (%s%s)", first ? "" : ",", (unsigned long long)seen->index, seen->form,
               seen->verified ? ", verified" : "");
    }
    printf("\n");
    json_decref(findings);
    (void)fflush(stdout);
}

static enum err_code demo_each(void *arg, const struct db_alert_row *row, struct err *why)
{
    struct demo_seen *seen = arg;
    size_t step = demo_step_of(row);

    (void)why;
    seen->raised++;
    if (step < countof(demo_steps)) {
        seen->fitting[step]++;
        seen->sightings[step] = row->sighting_count;
    }
    if (row->id > seen->newest)
        seen->newest = row->id;
    if (seen->print && row->id > seen->demo->shown && !seen->demo->json)
        demo_print_alert(row);
    return ERR_OK;
}

static enum err_code demo_look(struct demo *demo, struct demo_seen *seen, bool print, struct err *why)
{
    struct db_alert_filter filter = {.limit = 1000};
    int64_t next;

    memset(seen, 0, sizeof *seen);
    seen->demo = demo;
    seen->print = print;
    enum err_code code = db_alert_list(demo->conn, &filter, demo_each, seen, &next, why);
    if (code == ERR_OK && print && seen->newest > demo->shown)
        demo->shown = seen->newest;
    return code;
}

/* Both logs are stored and verified up to `size` entries. */
static enum err_code demo_caught_up(struct demo *demo, uint64_t *entries, bool *caught_up, struct err *why)
{
    struct db_log_status *rows = NULL;
    size_t count = 0;
    enum err_code code = db_log_status(demo->conn, &rows, &count, why);

    *caught_up = code == ERR_OK && count == 2;
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        *caught_up =
            *caught_up && rows[i].head_size >= *entries && rows[i].verified_size == rows[i].head_size;
        if (strcmp(rows[i].state, "inconsistent") == 0)
            code = err_set(why, ERR_INCONSISTENT, "%s does not fit its signed head", rows[i].name);
    }
    free(rows);
    return code;
}

static enum err_code demo_wait(struct demo *demo, uint64_t entries, struct err *why)
{
    int64_t until = clock_mono_ms() + DEMO_WAIT_MS;
    bool caught_up = false;

    while (!caught_up && !roles_stopping()) {
        enum err_code code = demo_caught_up(demo, &entries, &caught_up, why);
        if (code != ERR_OK)
            return code;
        if (!caught_up && clock_mono_ms() > until)
            return err_set(why, ERR_TIMEOUT, "the two logs were not read and verified within %d s",
                           DEMO_WAIT_MS / 1000);
        if (!caught_up)
            clock_sleep_ms(50);
    }
    return ERR_OK;
}

static void demo_say(const struct demo *demo, const char *what, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void demo_say(const struct demo *demo, const char *what, const char *fmt, ...)
{
    va_list args;

    if (demo->json)
        return;
    printf("  %-9s ", what);
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    printf("\n");
    (void)fflush(stdout);
}

static enum err_code demo_prepare(struct demo *demo, unsigned rate, struct err *why)
{
    int64_t begun = clock_mono_ms();
    struct roles_options options = {.told = demo_told, .told_arg = demo, .poll_ms = 300, .no_list = true};
    enum err_code code;

    if ((code = cmd_db_open(demo->cmd, &demo->conn, why)) != ERR_OK)
        return code;
    demo_say(demo, "database", "a private PostgreSQL in %s is ready after %.1f s", demo->cmd->conf->state.dir,
             (double)(clock_mono_ms() - begun) / 1000);
    begun = clock_mono_ms();
    if ((code = simulator_start(&demo->simulator, DEMO_ENTRIES, rate, why)) != ERR_OK)
        return code;
    demo_say(demo, "logs",
             "%d freshly issued certificates in a simulated log, served in both protocols (%.1f s)",
             DEMO_ENTRIES, (double)(clock_mono_ms() - begun) / 1000);
    if ((code = demo_add_log(demo, "demo-rfc6962", CTLOG_RFC6962, demo->simulator.url, why)) != ERR_OK ||
        (code = demo_add_log(demo, "demo-static", CTLOG_STATIC_CT, demo->simulator.static_url, why)) !=
            ERR_OK)
        return code;
    for (size_t i = 0; i < countof(demo_domains); i++) {
        if ((code = demo_add_domain(demo, demo_domains[i], why)) != ERR_OK)
            return code;
        demo_say(demo, "watching", "%s and everything below it; allowed CA spki:%.16s...", demo_domains[i],
                 demo->simulator.ca_demo);
    }
    return roles_ingest_start(demo->cmd, demo->conn, &options, &demo->ingest, why);
}

static enum err_code demo_story(struct demo *demo, struct err *why)
{
    struct demo_seen seen;
    uint64_t entries = DEMO_ENTRIES;
    enum err_code code = demo_wait(demo, entries, why);

    for (size_t i = 0; code == ERR_OK && i < countof(demo_steps) && !roles_stopping(); i++) {
        const struct demo_step *step = &demo_steps[i];
        if (!demo->json)
            printf("\n");
        demo_say(demo, "issued", "%s for %d days: %s", step->name, step->days, step->text);
        /* The logs may grow by others meanwhile, so it is not enough to count. */
        code = simulator_issue(&demo->simulator, step->ca, &step->name, 1, step->days, &entries, why);
        if (code != ERR_OK)
            break;
        if ((code = demo_wait(demo, entries, why)) == ERR_OK &&
            (code = demo_look(demo, &seen, true, why)) == ERR_OK && step->expected == NULL)
            demo_say(demo, "silence", "it is as expected, so nobody is disturbed");
    }
    return code;
}

/* Exactly the expected alerts: each once, seen in both logs in both forms, and no other. */
static bool demo_as_expected(struct demo *demo, struct err *why)
{
    struct demo_seen seen;
    size_t expected = 0;
    bool fits;

    if (demo_look(demo, &seen, false, why) != ERR_OK)
        return false;
    fits = true;
    for (size_t i = 0; i < countof(demo_steps); i++) {
        if (demo_steps[i].expected == NULL)
            continue;
        expected++;
        fits = fits && seen.fitting[i] == 1 && seen.sightings[i] == 4;
    }
    if (demo->json)
        cmd_print_json(json_pack("{s:s, s:b, s:I, s:I}", "schema", "ctvigil.demo.1", "as_expected",
                                 fits && seen.raised == expected, "alerts", (json_int_t)seen.raised,
                                 "alerts_expected", (json_int_t)expected));
    if (fits && seen.raised == expected)
        return true;
    (void)err_set(why, ERR_INCONSISTENT,
                  "%zu alerts were raised where these %zu were expected, each seen four times", seen.raised,
                  expected);
    return false;
}

static int demo_remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void demo_end(struct demo *demo)
{
    struct pipe_result result;

    atomic_store(&demo->quiet, true); /* the threads that still finish have nothing more to tell */
    roles_ingest_stop(demo->ingest, &result);
    simulator_stop(&demo->simulator);
    if (demo->conn != NULL)
        cmd_db_close(demo->conn);
    /* The keeper of the private database needs a moment to end it before its files can go. */
    for (int round = 0; demo->scratch[0] != '\0' && round < 100; round++) {
        char pid[128];
        (void)snprintf(pid, sizeof pid, "%s/pg/data/postmaster.pid", demo->scratch);
        if (access(pid, F_OK) != 0 && nftw(demo->scratch, demo_remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0)
            break;
        clock_sleep_ms(100);
    }
    if (demo->lock >= 0)
        (void)close(demo->lock);
}

/* The end of a demo that was killed could not remove its folder: whoever gets its lock does. A folder without
 * a lock may be that of a demo that begins just now. */
static void demo_sweep_one(const char *path)
{
    char lock[PATH_MAX];
    struct stat info;
    struct cluster_status cluster;
    struct err why = {0};

    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid())
        return;
    if (snprintf(lock, sizeof lock, "%s/" DEMO_LOCK, path) >= (int)sizeof lock)
        return;
    int fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    /* Its database ends by itself a moment later. */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && cluster_status(path, &cluster, &why) == ERR_OK &&
        !cluster.running && cluster.keeper == 0)
        (void)nftw(path, demo_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    (void)close(fd);
}

static void demo_sweep(const char *tmp)
{
    DIR *dir = opendir(tmp);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[PATH_MAX];
        if (strncmp(entry->d_name, DEMO_FOLDER, strlen(DEMO_FOLDER)) == 0 &&
            snprintf(path, sizeof path, "%s/%s", tmp, entry->d_name) < (int)sizeof path)
            demo_sweep_one(path);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

/* The demo writes domains, logs and alerts that are not real: never where something may be kept. */
static enum err_code demo_unused(const char *path, struct err *why)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    bool used = false;

    if (dir == NULL && errno == ENOENT)
        return ERR_OK;
    if (dir == NULL)
        return err_set(why, ERR_USAGE, "%s: the demo can not use it (%s); name a new folder with --state-dir",
                       path, strerror(errno));
    while (!used && (entry = readdir(dir)) != NULL)
        used = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    (void)closedir(dir);
    return used ? err_set(why, ERR_USAGE,
                          "%s: it is in use, and the demo wants a folder of its own; leave --state-dir out or"
                          " name a new one",
                          path)
                : ERR_OK;
}

static enum err_code demo_state(struct demo *demo, struct err *why)
{
    const char *tmp = getenv("TMPDIR");
    char lock[sizeof demo->scratch + sizeof DEMO_LOCK];

    demo->conf = *demo->cmd->conf;
    if (demo->conf.db.dsn[0] != '\0' || demo->conf.db.dsn_file[0] != '\0')
        return err_set(why, ERR_USAGE,
                       "the demo makes a database of its own; run it without --db, db.dsn and db.dsn_file");
    if (demo->conf.state.dir[0] != '\0')
        return demo_unused(demo->conf.state.dir, why);
    if (tmp == NULL || tmp[0] != '/' || strlen(tmp) > 30)
        tmp = "/tmp";
    demo_sweep(tmp);
    (void)snprintf(demo->scratch, sizeof demo->scratch, "%s/" DEMO_FOLDER "XXXXXX", tmp);
    if (mkdtemp(demo->scratch) == NULL) {
        demo->scratch[0] = '\0';
        return err_set(why, ERR_SYSTEM,
                       "%s: no folder for the demo can be made (%s); name one with --state-dir", tmp,
                       strerror(errno));
    }
    (void)snprintf(lock, sizeof lock, "%s/" DEMO_LOCK, demo->scratch);
    demo->lock = open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (demo->lock < 0 || flock(demo->lock, LOCK_EX | LOCK_NB) != 0)
        return err_set(why, ERR_SYSTEM, "%s: %s", lock, strerror(errno));
    demo->conf.state.dir = demo->scratch;
    demo->cmd->conf = &demo->conf;
    return ERR_OK;
}

static void demo_stay(struct demo *demo)
{
    struct demo_seen seen;

    if (!demo->json)
        printf("\n  The logs go on growing. Look around from another terminal, and end this with Ctrl-C:\n"
               "    ctvigil --state-dir %s log status\n"
               "    ctvigil --state-dir %s alert list\n"
               "    ctvigil --state-dir %s search bank.example\n\n",
               demo->conf.state.dir, demo->conf.state.dir, demo->conf.state.dir);
    while (!roles_stopping()) {
        struct err why = {0};
        clock_sleep_ms(500);
        (void)!demo_look(demo, &seen, true, &why);
    }
}

int cmd_demo(struct cmd *cmd)
{
    struct demo demo = {.cmd = cmd, .json = cmd->json, .lock = -1};
    struct err why = {0};
    bool once = false;
    const struct opt rows[] = {
        {"once", OPT_FLAG, &once, NULL,
         "end after the story; exit 0 only if exactly the expected alerts were raised"},
        {NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    int operands;
    int status = CMD_FAILED;

    if (cmd->help)
        return cmd_help(
            "ctvigil demo [--once]",
            "The main job with nothing configured: a private PostgreSQL, a simulated CT log served in both\n"
            "protocols, two watched domains, and the alerts as they happen.",
            rows);
    if (!opt_parse(rows, "", cmd->argc, cmd->argv, &operands))
        return CMD_USAGE;
    roles_signals();
    if (demo_state(&demo, &why) != ERR_OK) {
        status = cmd_fail(&why);
        demo_end(&demo);
        return status;
    }
    if (!demo.json)
        printf("ctvigil demo: from the bytes of a log to an alert\n\n");
    if (demo_prepare(&demo, once ? 0u : DEMO_RATE, &why) != ERR_OK || demo_story(&demo, &why) != ERR_OK ||
        (!roles_stopping() && !demo_as_expected(&demo, &why))) {
        (void)cmd_fail(&why);
    } else {
        status = roles_stopping() && once ? CMD_FAILED : CMD_OK;
        if (!once && !roles_stopping())
            demo_stay(&demo);
        else if (once && status == CMD_OK && !demo.json)
            printf("\n  Exactly the expected alerts were raised, each once, however often the certificate "
                   "was seen.\n");
    }
    demo_end(&demo);
    return status;
}
