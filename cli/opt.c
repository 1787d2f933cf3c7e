#include "cli/opt.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define OPT_ROWS_MAX  48
#define OPT_NEAR_MAX  2  /* wrong letters that are still a slip of the finger */
#define OPT_WORD_MAX  24 /* longest word of ours that is compared; the names of options are shorter */
#define OPT_SHOWN_MAX 200

/* What is being read: for messages, and which rows were used. */
struct opt_reading {
    const struct opt *options;
    char command[64]; /* "log", or "log add" once the verb is known */
    uint64_t given;   /* bit i: options[i] was there */
};

static void opt_say(const struct opt_reading *reading, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void opt_say(const struct opt_reading *reading, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fprintf(stderr, "ctvigil %s: %s; see 'ctvigil %.*s --help'\n", reading->command, text,
            (int)strcspn(reading->command, " "), reading->command);
}

static const char *opt_shown(const char *word, char visible[OPT_SHOWN_MAX])
{
    return text_visible_str(span_str(word), visible, OPT_SHOWN_MAX);
}

/* Optimal string alignment: how many letters were added, left out, changed or swapped. */
static size_t opt_distance(const char *typed, const char *meant)
{
    size_t cost[OPT_WORD_MAX + 2][OPT_WORD_MAX + 1];
    size_t rows = strlen(typed);
    size_t columns = strlen(meant);

    if (columns > OPT_WORD_MAX || rows > OPT_WORD_MAX + 1)
        return OPT_WORD_MAX;
    for (size_t i = 0; i <= rows; i++) {
        for (size_t j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            size_t best = cost[i - 1][j - 1] + (typed[i - 1] != meant[j - 1]);
            best = cost[i - 1][j] + 1 < best ? cost[i - 1][j] + 1 : best;
            best = cost[i][j - 1] + 1 < best ? cost[i][j - 1] + 1 : best;
            bool swapped = i > 1 && j > 1 && typed[i - 1] == meant[j - 2] && typed[i - 2] == meant[j - 1];
            if (swapped && cost[i - 2][j - 2] + 1 < best)
                best = cost[i - 2][j - 2] + 1;
            cost[i][j] = best;
        }
    }
    return cost[rows][columns];
}

const char *opt_nearest(const char *typed, const void *rows, size_t size)
{
    size_t best = OPT_NEAR_MAX + 1;
    const char *nearest = NULL;
    const char *name;

    /* Rows begin with their name: a pointer to the struct is one to its first member. */
    for (const char *at = rows; memcpy(&name, at, sizeof name), name != NULL; at += size) {
        size_t distance = opt_distance(typed, name);
        /* Of a short word little is left when two letters are wrong. */
        if (distance < best && 2 * distance < strlen(name)) {
            best = distance;
            nearest = name;
        }
    }
    return nearest;
}

static bool opt_utf8(const struct opt_reading *reading, const char *name, const char *value)
{
    char visible[OPT_SHOWN_MAX];

    if (text_is_utf8(span_str(value)))
        return true;
    opt_say(reading, "%s: '%s': it is not UTF-8", name, opt_shown(value, visible));
    return false;
}

static bool opt_store(const struct opt_reading *reading, const struct opt *row, const char *value)
{
    struct span text = span_str(value == NULL ? "" : value);
    char visible[OPT_SHOWN_MAX];
    char name[64];

    must(value != NULL || row->type == OPT_FLAG || row->type == OPT_MAYBE);
    (void)snprintf(name, sizeof name, "--%s", row->name);
    if ((row->type == OPT_TEXT || row->type == OPT_MAYBE || row->type == OPT_LIST) &&
        !opt_utf8(reading, name, value == NULL ? "" : value))
        return false;
    switch (row->type) {
    case OPT_FLAG:
        *(bool *)row->target = true;
        return true;
    case OPT_MAYBE:
        *(const char **)row->target = value == NULL ? "" : value;
        return true;
    case OPT_TEXT:
    case OPT_FILE:
        *(const char **)row->target = value;
        return true;
    case OPT_LIST: {
        struct opt_list *list = row->target;
        if (list->count == OPT_LIST_MAX) {
            opt_say(reading, "%s: may be given at most %d times", name, OPT_LIST_MAX);
            return false;
        }
        list->item[list->count++] = value;
        return true;
    }
    case OPT_NUMBER:
        if (text_uint(text, row->target))
            return true;
        opt_say(reading, "%s: '%s' is not a whole number of 0 or more", name, opt_shown(value, visible));
        return false;
    case OPT_TIME:
        if (text_parse_time(text, row->target))
            return true;
        opt_say(reading, "%s: '%s' is not a time; write 2026-11-21 or 2026-11-21T08:00:00Z", name,
                opt_shown(value, visible));
        return false;
    }
    return false;
}

/* `word` is "--name", "--name=value" or "-x". */
static void opt_say_unknown(const struct opt_reading *reading, const char *word, bool needs_value)
{
    char visible[OPT_SHOWN_MAX];
    char name[OPT_SHOWN_MAX];
    const struct opt *row = reading->options;

    (void)opt_shown(word, visible);
    if (needs_value) {
        opt_say(reading, "%s needs a value", visible);
        return;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(visible, "="), visible);
    while (row != NULL && row->name != NULL && strcmp(name + strspn(name, "-"), row->name) != 0)
        row++;
    if (row != NULL && row->name != NULL && row->type == OPT_FLAG && strchr(visible, '=') != NULL) {
        opt_say(reading, "%s takes no value", name);
        return;
    }
    const char *near = reading->options == NULL || name[1] != '-'
                           ? NULL
                           : opt_nearest(name + 2, reading->options, sizeof *reading->options);
    if (near != NULL)
        opt_say(reading, "%s is not an option of this command; did you mean --%s?", name, near);
    else
        opt_say(reading, "%s is not an option of this command", name);
}

/* Takes the options out of argv; what is left is moved to argv[1..1 + *count). */
static bool opt_read(struct opt_reading *reading, int argc, char **argv, int *count)
{
    struct option rows[OPT_ROWS_MAX];
    size_t known = 0;
    int code;
    int at = -1;

    memset(rows, 0, sizeof rows);
    for (const struct opt *row = reading->options; row != NULL && row->name != NULL; row++) {
        must(known + 1 < OPT_ROWS_MAX);
        rows[known].name = row->name;
        rows[known++].has_arg = row->type == OPT_FLAG    ? no_argument
                                : row->type == OPT_MAYBE ? optional_argument
                                                         : required_argument;
    }
    optind = 0; /* glibc: start anew, argv may be another array than before */
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", rows, &at)) != -1) {
        if (code == 0) {
            must(reading->options != NULL && at >= 0);
            if (!opt_store(reading, &reading->options[at], optarg))
                return false;
            reading->given |= UINT64_C(1) << at;
            continue;
        }
        const char letter[] = {'-', (char)optopt, '\0'};
        /* An unknown letter is in optopt; a long option is the last argument that was taken. */
        opt_say_unknown(reading, optopt != 0 ? letter : argv[optind - 1], code == ':');
        return false;
    }
    *count = argc - optind;
    for (int i = 0; i < *count; i++)
        argv[1 + i] = argv[optind + i];
    return true;
}

static bool opt_operands(const struct opt_reading *reading, const char *wanted, int count, char **argv)
{
    bool many = strstr(wanted, "...") != NULL;
    int words = wanted[0] != '\0';
    for (const char *at = wanted; *at != '\0'; at++)
        words += *at == ' ';
    int most = many ? count : words;
    int least = wanted[0] == '[' ? 0 : words;
    char visible[OPT_SHOWN_MAX];

    if (count < least) {
        const char *missing = wanted;
        for (int i = 0; i < count; i++)
            missing = strchr(missing, ' ') + 1;
        opt_say(reading, "%.*s is missing", (int)strcspn(missing, ". "), missing);
        return false;
    }
    if (count > most) {
        opt_say(reading, "'%s' is not expected here", opt_shown(argv[most], visible));
        return false;
    }
    for (int i = 0; i < count && strstr(wanted, "FILE") == NULL; i++)
        if (!opt_utf8(reading, wanted, argv[i]))
            return false;
    return true;
}

bool opt_parse(const struct opt *options, const char *operands, int argc, char **argv, int *count)
{
    struct opt_reading reading = {.options = options};

    (void)snprintf(reading.command, sizeof reading.command, "%s", argv[0]);
    return opt_read(&reading, argc, argv, count) && opt_operands(&reading, operands, *count, argv + 1);
}

/* Is `name` one of the words of `list`? */
static bool opt_listed(const char *list, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = list; *at != '\0'; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        if (word == len && memcmp(at, name, len) == 0)
            return true;
        at += word;
    }
    return false;
}

/* "add, list or remove" */
static const char *opt_verbs_text(const struct opt_verb *verbs, char *out, size_t cap)
{
    size_t len = 0;

    out[0] = '\0';
    for (const struct opt_verb *verb = verbs; verb->name != NULL && len < cap; verb++) {
        const char *gap = verb == verbs ? "" : (verb[1].name == NULL ? " or " : ", ");
        len += (size_t)snprintf(out + len, cap - len, "%s%s", gap, verb->name);
    }
    return out;
}

static const struct opt_verb *opt_find_verb(const struct opt_reading *reading, const struct opt_verb *verbs,
                                            const char *typed)
{
    const struct opt_verb *verb = verbs;
    char visible[OPT_SHOWN_MAX];
    char all[OPT_SHOWN_MAX];

    if (typed == NULL) {
        opt_say(reading, "say %s", opt_verbs_text(verbs, all, sizeof all));
        return NULL;
    }
    while (verb->name != NULL && strcmp(verb->name, typed) != 0)
        verb++;
    if (verb->name != NULL)
        return verb;
    const char *near = opt_nearest(typed, verbs, sizeof *verbs);
    if (near != NULL)
        opt_say(reading, "there is no '%s'; did you mean '%s'?", opt_shown(typed, visible), near);
    else
        opt_say(reading, "there is no '%s', but %s", opt_shown(typed, visible),
                opt_verbs_text(verbs, all, sizeof all));
    return NULL;
}

bool opt_parse_verb(const struct opt *options, const struct opt_verb *verbs, int argc, char **argv,
                    size_t *verb, int *count)
{
    struct opt_reading reading = {.options = options};

    (void)snprintf(reading.command, sizeof reading.command, "%s", argv[0]);
    if (!opt_read(&reading, argc, argv, count))
        return false;
    const struct opt_verb *found = opt_find_verb(&reading, verbs, *count > 0 ? argv[1] : NULL);
    if (found == NULL)
        return false;
    (void)snprintf(reading.command, sizeof reading.command, "%s %s", argv[0], found->name);
    for (size_t i = 0; options != NULL && options[i].name != NULL; i++) {
        if ((reading.given >> i & 1) == 0 || opt_listed(found->options, options[i].name))
            continue;
        opt_say(&reading, "--%s is not an option of '%s'", options[i].name, reading.command);
        return false;
    }
    --*count;
    *verb = (size_t)(found - verbs);
    return opt_operands(&reading, found->operands, *count, argv + 2);
}

void opt_help(const struct opt *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", options->name,
                       options->argument == NULL || options->type == OPT_MAYBE ? "" : " ",
                       options->argument == NULL ? "" : options->argument);
        printf("  %-26s %s\n", left, options->help);
    }
}
