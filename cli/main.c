/* Global options, the table of commands, dispatch. Nothing else. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/say.h"
#include "base/text.h"
#include "cli/blockset.h"
#include "cli/cmd.h"
#include "cli/envcheck.h"
#include "cli/opt.h"
#include "db/cluster.h"

static const struct command {
    const char *name;
    int (*run)(struct cmd *cmd);
    const char *sentence;
} commands[] = {
    {"demo", cmd_demo, "show the whole story on this machine, with nothing configured"},
    {"run", cmd_run, "read logs, watch domains and deliver alerts, in one process"},
    {"ingest", cmd_ingest, "read CT logs into the database"},
    {"watch", cmd_watch, "deliver alerts, and look after what is stored"},
    {"log", cmd_log, "add, list and inspect CT logs"},
    {"domain", cmd_domain, "register domains and what is expected of them"},
    {"alert", cmd_alert, "list, show and acknowledge alerts"},
    {"search", cmd_search, "find certificates in the database"},
    {"cert", cmd_cert, "show what the parser sees in a certificate or log entry"},
    {"trust", cmd_trust, "what root stores say of CAs: take it, show it, explain a certificate"},
    {"db", cmd_db, "the database: make, migrate, start, stop"},
    {"config", cmd_config, "check, show or sample the configuration"},
    {NULL, NULL, NULL},
};

static void main_help(void)
{
    printf("ctvigil reads Certificate Transparency logs and tells you about certificates nobody expected.\n\n"
           "usage: ctvigil [-c FILE] [--json] [--db DSN] [--state-dir DIR] COMMAND ...\n\n");
    for (const struct command *command = commands; command->name != NULL; command++)
        printf("  %-8s %s\n", command->name, command->sentence);
    printf("\n  -c FILE           configuration file (YAML); see 'ctvigil config sample'\n"
           "  --json            one JSON object a line on standard output\n"
           "  --db DSN          PostgreSQL connection string; without it a private cluster is used\n"
           "  --state-dir DIR   where the program keeps its own files\n"
           "  --help            of the program or, after a command, of the command\n"
           "  --version         print the version\n\n"
           "Start with: ctvigil demo\n");
}

struct globals {
    const char *config_path;
    const char *dsn;
    const char *state_dir;
    bool json;
    bool help;
    bool version;
};

/* Takes the value of `--name VALUE` or `--name=VALUE` at argv[*at]; false when argv[*at] is something else.
 */
static bool main_value(int argc, char **argv, int *at, const char *name, const char **value)
{
    size_t len = strlen(name);

    if (strncmp(argv[*at], name, len) != 0)
        return false;
    if (argv[*at][len] == '=' && len > 2)
        *value = argv[*at] + len + 1;
    else if (argv[*at][len] != '\0')
        return false;
    else
        *value = *at + 1 < argc ? argv[++*at] : "";
    /* A script with an unset variable must not end up in the default place. */
    if ((*value)[0] == '\0') {
        fprintf(stderr, "ctvigil: %s needs a value\n", name);
        exit(CMD_USAGE);
    }
    return true;
}

/* Global options may stand before or after the command: takes them out of argv, returns what is left. */
static int main_globals(int argc, char **argv, struct globals *globals)
{
    int kept = 1;

    for (int at = 1; at < argc; at++) {
        if (strcmp(argv[at], "--") == 0) {
            while (at < argc)
                argv[kept++] = argv[at++];
            break;
        }
        if (strcmp(argv[at], "--json") == 0)
            globals->json = true;
        else if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
            globals->help = true;
        else if (strcmp(argv[at], "--version") == 0)
            globals->version = true;
        else if (!main_value(argc, argv, &at, "-c", &globals->config_path) &&
                 !main_value(argc, argv, &at, "--db", &globals->dsn) &&
                 !main_value(argc, argv, &at, "--state-dir", &globals->state_dir))
            argv[kept++] = argv[at];
    }
    argv[kept] = NULL;
    return kept;
}

static bool main_reader_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/* What was printed must have arrived; a reader that has gone (`| head`) deserves silence. What failed before
 * the last buffer left no reason that is still known. */
static int main_flush(int status)
{
    bool last = fflush(stdout) != 0;
    int reason = errno;
    if (!last && !ferror(stdout))
        return status;
    if (!main_reader_gone())
        fprintf(stderr, "ctvigil: standard output can not be written%s%s%s\n",
                last ? " (" : ", not all of it arrived", last ? strerror(reason) : "", last ? ")" : "");
    return status == CMD_OK ? CMD_FAILED : status;
}

/* `config check` refuses what the others only mention. */
static void main_environment(const struct cmd *cmd)
{
    char text[ENVCHECK_TEXT_MAX];
    bool check = strcmp(cmd->argv[0], "config") == 0 && cmd->argc > 1 && strcmp(cmd->argv[1], "check") == 0;

    for (size_t at = 0; !check && envcheck_next(environ, &at, text);)
        say_warn("config", "%s", text);
}

static int main_dispatch(const struct command *command, const struct globals *globals, int argc, char **argv)
{
    struct conf conf = {0};
    struct err why = {0};
    struct cmd cmd = {.json = globals->json,
                      .help = globals->help,
                      .program = "/proc/self/exe",
                      .config_path = globals->config_path,
                      .argc = argc - 1,
                      .argv = argv + 1};
    int status;

    /* A broken configuration must not stand between a person and the help. */
    if (cmd.help) {
        cmd.conf = &conf;
        return main_flush(command->run(&cmd));
    }
    if (globals->dsn != NULL && !text_is_utf8(span_str(globals->dsn))) {
        (void)err_set(&why, ERR_USAGE, "--db: it is not UTF-8");
        return cmd_fail(&why);
    }
    if (conf_load(globals->config_path, &conf, &why) != ERR_OK)
        return cmd_fail(&why);
    if ((globals->dsn != NULL &&
         conf_set(&conf, CONF_KEY_db_dsn, globals->dsn, CONF_FROM_OPTION, "--db", &why) != ERR_OK) ||
        (globals->state_dir != NULL && conf_set(&conf, CONF_KEY_state_dir, globals->state_dir,
                                                CONF_FROM_OPTION, "--state-dir", &why) != ERR_OK)) {
        conf_free(&conf);
        return cmd_fail(&why);
    }
    cmd.conf = &conf;
    enum say_level level = SAY_INFO;
    if (!say_level_parse(conf.say.level, &level)) {
        char visible[200];
        fprintf(stderr, "ctvigil: say.level: '%s' is none of error, warn, info, debug\n",
                text_visible_str(span_str(conf.say.level), visible, sizeof visible));
        conf_free(&conf);
        return CMD_USAGE;
    }
    say_setup(level, conf.say.json);
    main_environment(&cmd);
    blockset_use(conf.watch.blocklist);
    status = command->run(&cmd);
    blockset_forget();
    conf_free(&conf);
    return main_flush(status);
}

/* Says which word is no command, and which one may have been meant. */
static int main_unknown(const char *word)
{
    char visible[200];
    const char *near = opt_nearest(word, commands, sizeof *commands);

    (void)text_visible_str(span_str(word), visible, sizeof visible);
    if (word[0] == '-')
        fprintf(stderr, "ctvigil: %s is not an option of ctvigil; 'ctvigil --help' lists them\n", visible);
    else if (word[0] == '\0')
        fprintf(stderr, "ctvigil: the command is empty; 'ctvigil --help' lists them\n");
    else if (near != NULL)
        fprintf(stderr, "ctvigil: there is no command '%s'; did you mean '%s'?\n", visible, near);
    else
        fprintf(stderr, "ctvigil: there is no command '%s'; 'ctvigil --help' lists them\n", visible);
    return CMD_USAGE;
}

int main(int argc, char **argv)
{
    struct globals globals = {0};

    /* A receiver that goes away is an error of one write, never the end of the program. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && strcmp(argv[1], CLUSTER_KEEPER_COMMAND) == 0)
        return cluster_keeper_main(argv[2]);
    argc = main_globals(argc, argv, &globals);
    if (globals.version) {
        printf("ctvigil %s\n", CTVIGIL_VERSION);
        return main_flush(CMD_OK);
    }
    if (argc > 1 && strcmp(argv[1], "help") == 0) { /* as if --help stood behind the word that follows */
        globals.help = true;
        argc--;
        argv++;
    }
    if (argc < 2) {
        main_help();
        return main_flush(globals.help ? CMD_OK : CMD_USAGE);
    }
    for (const struct command *command = commands; command->name != NULL; command++)
        if (strcmp(argv[1], command->name) == 0)
            return main_dispatch(command, &globals, argc, argv);
    return main_unknown(argv[1]);
}
