/* Prints the rows of the .def files as mdoc lists, for the manual: rows KIND. Facts are written once. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void lower(const char *name)
{
    for (; *name != '\0'; name++)
        putchar(tolower((unsigned char)*name));
}

/* mdoc reads a leading dot or quote as a request and a backslash as an escape. */
static void text(const char *sentence)
{
    if (*sentence == '.' || *sentence == '\'')
        printf("\\&");
    for (; *sentence != '\0'; sentence++)
        if (*sentence == '\\')
            printf("\\e");
        else
            putchar(*sentence);
    putchar('\n');
}

static void conf_section(const char *name, const char *sentence)
{
    printf(".Ss %s\n", name);
    text(sentence);
    printf(".Bl -tag -width Ds\n");
}

static void conf_key(const char *section, const char *key, const char *type, const char *preset,
                     const char *sentence)
{
    printf(".It Sy %s.%s Pq %s; default %s\n", section, key,
           strcmp(type, "INT") == 0    ? "whole number"
           : strcmp(type, "BOOL") == 0 ? "true or false"
                                       : "text",
           *preset == '\0' ? "empty" : preset);
    text(sentence);
}

static void conf(void)
{
#define CONF_SECTION(name, sentence) conf_section(#name, sentence);
#define CONF_KEY(section, key, type, preset, min, max, sentence)                                             \
    conf_key(#section, #key, #type, preset, sentence);
#define CONF_END(section) printf(".El\n");
#include "base/conf.def"
}

static void channel_key(const char *key, const char *type, const char *kinds, const char *preset,
                        const char *sentence)
{
    printf(".It Sy %s Pq %s%s%s; default %s\n", key, kinds, *kinds == '\0' ? "" : ": ",
           strcmp(type, "INT") == 0    ? "whole number"
           : strcmp(type, "BOOL") == 0 ? "true or false"
                                       : "text",
           *preset == '\0' ? "empty" : preset);
    text(sentence);
}

static void channels(void)
{
    printf(".Bl -tag -width Ds\n");
#define CHAN_KEY(key, type, kinds, preset, min, max, sentence)                                               \
    channel_key(#key, #type, kinds, preset, sentence);
#include "base/chanconf.def"
    printf(".El\n");
}

static void row(const char *prefix, const char *name, const char *rest, const char *sentence)
{
    printf(".It Sy %s", prefix);
    lower(name);
    printf("%s%s%s\n", *rest == '\0' ? "" : " Pq ", rest, "");
    text(sentence);
}

static void metrics(void)
{
    printf(".Bl -tag -width Ds\n");
#define X(name, type, label, sentence) row("ctvigil_", #name, #type, sentence);
#include "base/metric.def"
#undef X
    printf(".El\n");
}

static void findings(void)
{
    printf(".Bl -tag -width Ds\n");
#define X(name, severity, rule, sentence) row("", #name, #severity "; " rule, sentence);
#include "model/finding.def"
#undef X
    printf(".El\n");
}

static void alerts(void)
{
    printf(".Bl -tag -width Ds\n");
#define X(name, severity, sentence) row("", #name, #severity, sentence);
#include "model/alert.def"
#undef X
    printf(".El\n");
}

static void errors(void)
{
    printf(".Bl -tag -width Ds\n");
#define X(name, number, class, sentence) row("", #name, #class, sentence);
#include "base/err.def"
#undef X
    printf(".El\n");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *kind;
        void (*print)(void);
    } kinds[] = {{"conf", conf},         {"channels", channels}, {"metrics", metrics},
                 {"findings", findings}, {"alerts", alerts},     {"errors", errors}};

    for (size_t i = 0; argc == 2 && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(argv[1], kinds[i].kind) == 0) {
            kinds[i].print();
            return 0;
        }
    fprintf(stderr, "usage: rows conf|channels|metrics|findings|alerts|errors\n");
    return 2;
}
