#include "cli/opt.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define OPT_ROWS_MAX 48

static bool opt_store(const struct opt *row, const char *value)
{
    struct span text = span_str(value == NULL ? "" : value);
    char visible[200];

    switch (row->type) {
    case OPT_FLAG:
        *(bool *)row->target = true;
        return true;
    case OPT_TEXT:
        *(const char **)row->target = value;
        return true;
    case OPT_LIST: {
        struct opt_list *list = row->target;
        if (list->count == OPT_LIST_MAX) {
            fprintf(stderr, "ctvigil: --%s: may be given at most %d times\n", row->name, OPT_LIST_MAX);
            return false;
        }
        list->item[list->count++] = value;
        return true;
    }
    case OPT_NUMBER:
        if (text_uint(text, row->target))
            return true;
        fprintf(stderr, "ctvigil: --%s: '%s' is not a whole number of 0 or more\n", row->name,
                text_visible_str(text, visible, sizeof visible));
        return false;
    case OPT_TIME:
        if (text_parse_time(text, row->target))
            return true;
        fprintf(stderr, "ctvigil: --%s: '%s' is not a time; write 2026-11-21 or 2026-11-21T08:00:00Z\n",
                row->name, text_visible_str(text, visible, sizeof visible));
        return false;
    }
    return false;
}

bool opt_parse(const struct opt *options, int argc, char **argv, int *operands)
{
    struct option rows[OPT_ROWS_MAX];
    size_t count = 0;
    int code;
    int at = -1;

    memset(rows, 0, sizeof rows);
    for (; options != NULL && options[count].name != NULL; count++) {
        must(count + 1 < OPT_ROWS_MAX);
        rows[count].name = options[count].name;
        rows[count].has_arg = options[count].type == OPT_FLAG ? no_argument : required_argument;
    }
    optind = 0; /* glibc: start anew, argv may be another array than before */
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", rows, &at)) != -1) {
        if (code == 0) {
            must(options != NULL && at >= 0);
            if (!opt_store(&options[at], optarg))
                return false;
            continue;
        }
        char given[200];
        const char letter[] = {'-', (char)optopt, '\0'};
        /* An unknown letter is in optopt; a long option is the last argument that was taken. */
        (void)text_visible_str(span_str(optopt != 0 ? letter : argv[optind - 1]), given, sizeof given);
        if (code == ':')
            fprintf(stderr, "ctvigil %s: %s needs a value; see 'ctvigil %s --help'\n", argv[0], given,
                    argv[0]);
        else
            fprintf(stderr, "ctvigil %s: %s is not an option of this command; see 'ctvigil %s --help'\n",
                    argv[0], given, argv[0]);
        return false;
    }
    *operands = argc - optind;
    for (int i = 0; i < *operands; i++)
        argv[1 + i] = argv[optind + i];
    return true;
}

void opt_help(const struct opt *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", options->name, options->argument == NULL ? "" : " ",
                       options->argument == NULL ? "" : options->argument);
        printf("  %-26s %s\n", left, options->help);
    }
}
