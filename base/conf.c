#include "base/conf.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <yaml.h>

#include "base/dsnmask.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"

#define PLACE_MAX 300

/* What the file says, everything as text: one reader of values serves file, environment and options. */
#define CONF_SECTION(section, sentence)                          struct file_##section {
#define CONF_KEY(section, key, type, preset, min, max, sentence) char *key;
#define CONF_END(section)                                                                                    \
    }                                                                                                        \
    ;
#include "base/conf.def"

/* An entry of the list of channels, by enum chanconf_key. */
struct file_channel {
    char *text[CHANCONF_KEY_COUNT];
};

struct file_values {
#define CONF_SECTION(section, sentence) struct file_##section section;
#include "base/conf.def"
    struct file_channel *channels;
    unsigned channels_count;
};

static const cyaml_schema_field_t fields_channel[] = {
#define CHAN_KEY(key, type, kinds, preset, min, max, sentence)                                               \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_channel,              \
                           text[CHANCONF_KEY_##key], 0, CYAML_UNLIMITED),
#include "base/chanconf.def"
    CYAML_FIELD_END};

static const cyaml_schema_value_t channel_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_channel, fields_channel)};

#define CONF_SECTION(section, sentence) static const cyaml_schema_field_t fields_##section[] = {
#define CONF_KEY(section, key, type, preset, min, max, sentence)                                             \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_##section, key, 0,    \
                           CYAML_UNLIMITED),
#define CONF_END(section)                                                                                    \
    CYAML_FIELD_END                                                                                          \
    }                                                                                                        \
    ;
#include "base/conf.def"

static const cyaml_schema_field_t fields_file[] = {
#define CONF_SECTION(section, sentence)                                                                      \
    CYAML_FIELD_MAPPING(#section, CYAML_FLAG_OPTIONAL, struct file_values, section, fields_##section),
#include "base/conf.def"
    CYAML_FIELD_SEQUENCE("channels", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_values, channels,
                         &channel_schema, 0, LIMIT_CHANNELS),
    CYAML_FIELD_END};

static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file_values, fields_file)};

#define CONF_SECTION(section, sentence) static const char sentence_##section[] = sentence;
#include "base/conf.def"

static const struct conf_row rows[CONF_KEY_COUNT] = {
#define CONF_KEY(section, key, type, preset, min, max, sentence)                                             \
    {#section, sentence_##section, #key, CONF_TYPE_##type, preset, min, max, sentence},
#include "base/conf.def"
};

static const struct {
    size_t in_conf;
    size_t in_file;
    const char *environment;
} places[CONF_KEY_COUNT] = {
#define CONF_KEY(section, key, type, preset, min, max, sentence)                                             \
    {offsetof(struct conf, section.key), offsetof(struct file_values, section.key),                          \
     "CTVIGIL_" #section "_" #key},
#include "base/conf.def"
};

const struct conf_row *conf_rows(void)
{
    return rows;
}

static void *field(struct conf *conf, size_t key)
{
    return (char *)conf + places[key].in_conf;
}

static bool read_bool(const char *text, bool *value)
{
    static const char *const words[2][3] = {{"false", "no", "off"}, {"true", "yes", "on"}};
    for (size_t truth = 0; truth < 2; truth++) {
        for (size_t i = 0; i < countof(words[0]); i++) {
            if (strcasecmp(text, words[truth][i]) == 0) {
                *value = truth == 1;
                return true;
            }
        }
    }
    return false;
}

static enum err_code refuse(size_t key, const char *text, const char *where, const char *allowed,
                            struct err *why)
{
    char visible[80];
    return err_set(why, ERR_CONFIG, "%s: %s.%s: '%s' is not allowed, but %s", where, rows[key].section,
                   rows[key].key, text_visible_str(span_str(text), visible, sizeof visible), allowed);
}

static enum err_code set_int(void *at, size_t key, const char *text, const char *where, struct err *why)
{
    int64_t value;
    char allowed[96];
    if (text_int(span_str(text), &value) && value >= rows[key].min && value <= rows[key].max) {
        *(int64_t *)at = value;
        return ERR_OK;
    }
    (void)snprintf(allowed, sizeof allowed, "a whole number from %" PRId64 " to %" PRId64, rows[key].min,
                   rows[key].max);
    return refuse(key, text, where, allowed, why);
}

/* Keys that take one of a few words. */
static const char *words_of(size_t key, const char *const **words)
{
    static const char *const store[] = {"all", "watched", NULL};
    static const char *const der[] = {"none", "watched", "all", NULL};
    if (key == CONF_KEY_db_store) {
        *words = store;
        return "all or watched";
    }
    *words = der;
    return key == CONF_KEY_db_der ? "none, watched or all" : NULL;
}

static enum err_code set_str(void *at, size_t key, const char *text, const char *where, struct err *why)
{
    enum say_level level;
    char **value = at;
    const char *const *words;
    const char *allowed = words_of(key, &words);
    while (allowed != NULL && *words != NULL && strcmp(*words, text) != 0)
        words++;
    if (allowed != NULL && *words == NULL)
        return refuse(key, text, where, allowed, why);
    if (key == CONF_KEY_say_level && !say_level_parse(text, &level))
        return refuse(key, text, where, "error, warn, info or debug", why);
    char *copy = strdup(text);
    if (copy == NULL)
        return err_set(why, ERR_MEMORY, "%s: memory is used up", where);
    free(*value);
    *value = copy;
    return ERR_OK;
}

enum err_code conf_set(struct conf *conf, enum conf_key key, const char *text, enum conf_origin origin,
                       const char *where, struct err *why)
{
    must((unsigned)key < CONF_KEY_COUNT);
    void *at = field(conf, key);
    enum err_code code = ERR_OK;
    if (rows[key].type == CONF_TYPE_INT)
        code = set_int(at, key, text, where, why);
    else if (rows[key].type == CONF_TYPE_STR)
        code = set_str(at, key, text, where, why);
    else if (!read_bool(text, at))
        code = refuse(key, text, where, "true or false", why);
    if (code == ERR_OK)
        conf->origin[key] = origin;
    return code;
}

void conf_free(struct conf *conf)
{
    for (size_t key = 0; key < CONF_KEY_COUNT; key++)
        if (rows[key].type == CONF_TYPE_STR)
            free(*(char **)field(conf, key));
    for (size_t i = 0; i < conf->channel_count; i++)
        chanconf_free(&conf->channels[i]);
    free(conf->channels);
    *conf = (struct conf){0};
}

static enum err_code load_defaults(struct conf *conf, struct err *why)
{
    for (size_t key = 0; key < CONF_KEY_COUNT; key++) {
        enum err_code code =
            conf_set(conf, (enum conf_key)key, rows[key].preset, CONF_FROM_DEFAULT, "base/conf.def", why);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

static enum err_code load_environment(struct conf *conf, struct err *why)
{
    for (size_t key = 0; key < CONF_KEY_COUNT; key++) {
        char name[80];
        size_t len = strlen(places[key].environment);
        must(len < sizeof name);
        for (size_t i = 0; i <= len; i++) {
            char c = places[key].environment[i];
            name[i] = c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
        }
        const char *text = getenv(name);
        if (text == NULL)
            continue;
        enum err_code code = conf_set(conf, (enum conf_key)key, text, CONF_FROM_ENVIRONMENT, name, why);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

/* Where things stand in the file: libcyaml tells the line of the enclosing mapping only, so the events are
 * walked once more when there is something to complain about. */
struct finder {
    const char *section; /* NULL: look for `key` among the sections */
    const char *key;
    size_t times; /* which occurrence */
    size_t item;  /* 0: a key of the section itself; else of the section's list: of that entry */
    /* result */
    size_t line;         /* 0: not found */
    const char *problem; /* the syntax error met, static text of libyaml */
};

/* State of the walk: `depth` counts open mappings and sequences, `is_key` says what the next scalar of level
 * 1, 2 or 3 is. */
struct walk {
    int depth;
    bool is_key[4];
    bool in_section;
    size_t item;
};

static void find_scalar(struct finder *finder, struct walk *walk, const yaml_event_t *event)
{
    if (walk->depth > 3 || walk->depth < 1)
        return;
    bool is_key = walk->is_key[walk->depth];
    walk->is_key[walk->depth] = !is_key;
    if (!is_key)
        return;
    const char *text = (const char *)event->data.scalar.value;
    if (walk->depth == 1 && finder->section != NULL) {
        walk->in_section = strcmp(text, finder->section) == 0;
        return;
    }
    bool level = finder->section == NULL ? walk->depth == 1 : walk->depth == 2 && walk->in_section;
    if (finder->item != 0)
        level = walk->depth == 3 && walk->in_section && walk->item == finder->item;
    if (level && strcmp(text, finder->key) == 0 && --finder->times == 0)
        finder->line = event->start_mark.line + 1;
}

static void find_event(struct finder *finder, struct walk *walk, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        find_scalar(finder, walk, event);
        break;
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        walk->depth++;
        if (walk->depth <= 3)
            walk->is_key[walk->depth] = event->type == YAML_MAPPING_START_EVENT;
        walk->item += walk->depth == 3 && walk->in_section;
        break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        walk->depth--;
        if (walk->depth >= 0 && walk->depth <= 3)
            walk->is_key[walk->depth] = true;
        break;
    default:
        break;
    }
}

/* Line of the problem; for bytes that are no text libyaml knows their offset only. */
static size_t problem_line(const yaml_parser_t *parser, struct span text)
{
    size_t line = 1;
    if (parser->error != YAML_READER_ERROR)
        return parser->problem_mark.line + 1;
    for (size_t i = 0; i < text.len && i < parser->problem_offset; i++)
        line += text.at[i] == '\n';
    return line;
}

static void find(struct finder *finder, struct span text)
{
    yaml_parser_t parser;
    yaml_event_t event;
    struct walk walk = {0};
    bool end = yaml_parser_initialize(&parser) == 0;
    if (end)
        return;
    yaml_parser_set_input_string(&parser, text.at, text.len);
    while (!end && finder->line == 0) {
        if (!yaml_parser_parse(&parser, &event)) {
            finder->problem = parser.problem == NULL ? "it can not be read" : parser.problem;
            finder->line = problem_line(&parser, text);
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        find_event(finder, &walk, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
}

/* "FILE:LINE" of a key, or "FILE". */
static void place_of(const char *path, struct span text, struct finder finder, char out[PLACE_MAX])
{
    find(&finder, text);
    if (finder.line != 0)
        (void)snprintf(out, PLACE_MAX, "%.200s:%zu", path, finder.line);
    else
        (void)snprintf(out, PLACE_MAX, "%.200s", path);
}

/* What libcyaml had to say: the first complaint, and the first section of the trace behind it. */
struct complaint {
    char first[160];
    char section[64];
    char line[16];
    size_t item; /* of the section's list, from 1 */
};

/* Copies what stands between `before` and `after` in text; nothing when it does not. */
static void cut_out(const char *text, const char *before, const char *after, char *out, size_t out_cap)
{
    const char *begin = strstr(text, before);
    const char *end = begin == NULL ? NULL : strstr(begin + strlen(before), after);
    if (end != NULL)
        (void)snprintf(out, out_cap, "%.*s", (int)(end - begin - (long)strlen(before)),
                       begin + strlen(before));
}

static void PRINTF_LIKE(3, 0) hear(cyaml_log_t level, void *arg, const char *fmt, va_list args)
{
    struct complaint *complaint = arg;
    char line[256];
    (void)level;
    if (vsnprintf(line, sizeof line, fmt, args) < 0)
        return;
    line[strcspn(line, "\n")] = 0;
    cut_out(line, "in mapping field '", "'", complaint->section, sizeof complaint->section);
    char entry[16] = "";
    uint64_t at;
    cut_out(line, "in sequence entry '", "'", entry, sizeof entry);
    if (entry[0] != 0 && text_uint(span_str(entry), &at))
        complaint->item = (size_t)at;
    if (complaint->line[0] == 0)
        cut_out(line, "(line: ", ",", complaint->line, sizeof complaint->line);
    if (complaint->first[0] == 0)
        (void)snprintf(complaint->first, sizeof complaint->first, "%.150s",
                       strncmp(line, "Load: ", 6) == 0 ? line + 6 : line);
}

static void put_allowed(const char *section, struct buf *out)
{
    const char *before = "";
    for (size_t key = 0; section != NULL && strcmp(section, "channels") == 0 && key < CHANCONF_KEY_COUNT;
         key++)
        buf_fmt(out, "%s%s", key == 0 ? "" : ", ", chanconf_key_name((enum chanconf_key)key));
    for (size_t key = 0; key < CONF_KEY_COUNT; key++) {
        const char *word = section == NULL ? rows[key].section : rows[key].key;
        bool fits = section == NULL || strcmp(rows[key].section, section) == 0;
        if (!fits || strcmp(word, before) == 0)
            continue;
        buf_fmt(out, "%s%s", before[0] == 0 ? "" : ", ", word);
        before = word;
    }
    buf_str(out, section == NULL ? ", channels" : "");
}

static enum err_code complain(const char *path, struct span text, const struct complaint *heard,
                              struct err *why)
{
    static const char unexpected[] = "Unexpected key: ", again[] = "Mapping field already seen: ";
    const char *section = heard->section[0] == 0 ? NULL : heard->section;
    char place[PLACE_MAX];
    struct finder syntax = {.key = "", .times = SIZE_MAX};
    struct buf allowed;

    find(&syntax, text);
    if (syntax.problem != NULL)
        return err_set(why, ERR_CONFIG, "%s:%zu: not YAML: %s", path, syntax.line, syntax.problem);
    if (strncmp(heard->first, again, sizeof again - 1) == 0) {
        const char *key = heard->first + sizeof again - 1;
        bool is_section = section == NULL || strcmp(section, key) == 0;
        place_of(path, text,
                 (struct finder){
                     .section = is_section ? NULL : section, .key = key, .times = 2, .item = heard->item},
                 place);
        return err_set(why, ERR_CONFIG, "%s: '%s' occurs a second time", place, key);
    }
    if (strncmp(heard->first, unexpected, sizeof unexpected - 1) == 0) {
        const char *key = heard->first + sizeof unexpected - 1;
        place_of(path, text, (struct finder){.section = section, .key = key, .times = 1, .item = heard->item},
                 place);
        buf_init(&allowed, ERR_TEXT_MAX);
        put_allowed(section, &allowed);
        enum err_code code = err_set(why, ERR_CONFIG, "%s: unknown %s '%s%s%s'; allowed: %s", place,
                                     section == NULL ? "section" : "key", section == NULL ? "" : section,
                                     section == NULL ? "" : ".", key, buf_text(&allowed));
        buf_fini(&allowed);
        return code;
    }
    return err_set(why, ERR_CONFIG, "%s:%s: %s%s%s", path, heard->line[0] == 0 ? "1" : heard->line,
                   section == NULL ? "" : section, section == NULL ? "" : ": ", heard->first);
}

static enum err_code read_file(const char *path, struct buf *text, struct err *why)
{
    uint8_t piece[4096];
    size_t got;
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return err_set(why, ERR_CONFIG, "%s: the configuration file can not be opened: %s", path,
                       strerror(errno));
    while ((got = fread(piece, 1, sizeof piece, file)) > 0 && buf_ok(text))
        buf_put(text, span_of(piece, got));
    int failed = ferror(file) != 0 ? errno : 0;
    (void)fclose(file);
    if (failed != 0)
        return err_set(why, ERR_CONFIG, "%s: the configuration file can not be read: %s", path,
                       strerror(failed));
    if (!buf_ok(text))
        return err_set(why, ERR_CONFIG, "%s: it is longer than the %u bytes a configuration may have", path,
                       LIMIT_CONFIG_BYTES);
    return ERR_OK;
}

static enum err_code take_channels(const char *path, struct span text, const struct file_values *values,
                                   struct conf *conf, struct err *why)
{
    conf->channels = calloc((size_t)values->channels_count + 1, sizeof *conf->channels);
    must(conf->channels != NULL);
    for (size_t i = 0; i < values->channels_count; i++) {
        const char *texts[CHANCONF_KEY_COUNT];
        enum chanconf_key wrong = CHANCONF_KEY_name;
        char place[PLACE_MAX];
        struct err own = {0};
        memcpy(texts, values->channels[i].text, sizeof texts);
        enum err_code code = chanconf_read(texts, &conf->channels[i], &wrong, &own);
        for (size_t k = 0; code == ERR_OK && k < i; k++)
            if (strcmp(conf->channels[k].name, conf->channels[i].name) == 0)
                wrong = CHANCONF_KEY_name,
                code =
                    err_set(&own, ERR_CONFIG, "name: there is another channel '%s'", conf->channels[i].name);
        conf->channel_count += code == ERR_OK || conf->channels[i].name != NULL;
        if (code == ERR_OK)
            continue;
        const char *key = chanconf_key_name(wrong);
        place_of(path, text, (struct finder){.section = "channels", .key = key, .times = 1, .item = i + 1},
                 place);
        return err_set(why, code, "%s: channels[%zu].%s", place, i + 1, own.text);
    }
    return ERR_OK;
}

static enum err_code take_values(const char *path, struct span text, const struct file_values *values,
                                 struct conf *conf, struct err *why)
{
    char place[PLACE_MAX];
    for (size_t key = 0; key < CONF_KEY_COUNT; key++) {
        const char *value;
        memcpy(&value, (const char *)values + places[key].in_file, sizeof value);
        if (value == NULL)
            continue;
        place_of(path, text, (struct finder){.section = rows[key].section, .key = rows[key].key, .times = 1},
                 place);
        enum err_code code = conf_set(conf, (enum conf_key)key, value, CONF_FROM_FILE, place, why);
        if (code != ERR_OK)
            return code;
    }
    return take_channels(path, text, values, conf, why);
}

static enum err_code load_file(const char *path, struct conf *conf, struct err *why)
{
    struct complaint heard = {.first = ""};
    /* No aliases: they let a small file become a large one, and a flat list of keys has no use for them. */
    cyaml_config_t config = {.log_fn = hear,
                             .log_ctx = &heard,
                             .mem_fn = cyaml_mem,
                             .log_level = CYAML_LOG_WARNING,
                             .flags = CYAML_CFG_NO_ALIAS};
    cyaml_data_t *loaded = NULL;
    struct buf text;

    buf_init(&text, LIMIT_CONFIG_BYTES);
    enum err_code code = read_file(path, &text, why);
    if (code == ERR_OK && text.len > 0) {
        cyaml_err_t got = cyaml_load_data(text.at, text.len, &config, &file_schema, &loaded, NULL);
        if (got != CYAML_OK && heard.first[0] == 0)
            (void)snprintf(heard.first, sizeof heard.first, "%s", cyaml_strerror(got));
        /* A warning is a part of the file that would not count, such as a second document. */
        if (heard.first[0] != 0)
            code = complain(path, buf_span(&text), &heard, why);
        else if (loaded != NULL)
            code = take_values(path, buf_span(&text), loaded, conf, why);
    }
    (void)cyaml_free(&config, &file_schema, loaded, 0);
    buf_fini(&text);
    return code;
}

enum err_code conf_load(const char *path, struct conf *conf, struct err *why)
{
    *conf = (struct conf){0};
    enum err_code code = load_defaults(conf, why);
    if (code == ERR_OK && path != NULL)
        code = load_file(path, conf, why);
    if (code == ERR_OK)
        code = load_environment(conf, why);
    if (code != ERR_OK)
        conf_free(conf);
    return code;
}

const char *conf_origin_name(enum conf_origin origin)
{
    static const char *const names[] = {"default", "file", "environment", "option"};
    must((unsigned)origin < countof(names));
    return names[origin];
}

char *conf_value_text(const struct conf *conf, enum conf_key key, char *out, size_t out_cap)
{
    must((unsigned)key < CONF_KEY_COUNT && out_cap >= 4);
    const void *at = (const char *)conf + places[key].in_conf;
    if (rows[key].type == CONF_TYPE_INT) {
        (void)snprintf(out, out_cap, "%" PRId64, *(const int64_t *)at);
        return out;
    }
    if (rows[key].type == CONF_TYPE_BOOL) {
        (void)snprintf(out, out_cap, "%s", *(const bool *)at ? "true" : "false");
        return out;
    }
    struct buf text;
    const char *value = *(char *const *)at;
    buf_init(&text, LIMIT_CONFIG_BYTES * 2);
    if (key == CONF_KEY_db_dsn || key == CONF_KEY_db_read_dsn)
        dsnmask_put(span_str(value), &text);
    else
        buf_str(&text, value);
    (void)text_visible_str(buf_span(&text), out, out_cap);
    buf_fini(&text);
    return out;
}

void conf_show(const struct conf *conf, struct buf *out)
{
    char value[512];
    for (size_t key = 0; key < CONF_KEY_COUNT; key++) {
        (void)conf_value_text(conf, (enum conf_key)key, value, sizeof value);
        const char *quote = rows[key].type == CONF_TYPE_STR ? "\"" : "";
        buf_fmt(out, "%s.%s = %s%s%s  (%s)\n", rows[key].section, rows[key].key, quote, value, quote,
                conf_origin_name(conf->origin[key]));
    }
    for (size_t i = 0; i < conf->channel_count; i++)
        chanconf_show(&conf->channels[i], out);
}

void conf_sample(struct buf *out)
{
    const char *section = "";
    buf_str(out, "# Configuration of ctvigil. Every key is shown with its default.\n");
    for (size_t key = 0; key < CONF_KEY_COUNT; key++) {
        const struct conf_row *row = &rows[key];
        if (strcmp(section, row->section) != 0)
            buf_fmt(out, "\n# %s\n%s:\n", row->section_sentence, row->section);
        section = row->section;
        buf_fmt(out, "  # %s", row->sentence);
        if (row->type == CONF_TYPE_INT)
            buf_fmt(out, " (%" PRId64 " to %" PRId64 ")", row->min, row->max);
        const char *quote = row->type == CONF_TYPE_STR ? "\"" : "";
        buf_fmt(out, "\n  %s: %s%s%s\n", row->key, quote, row->preset, quote);
    }
    chanconf_sample(out);
}
