#include "simcontrol.h"

#include <arpa/inet.h>
#include <jansson.h>

#include "base/text.h"
#include "simkey.h"
#include "simlist.h"
#include "simreplay.h"

#define SIMCONTROL_APPEND_MAX 1000000
#define SIMCONTROL_DAYS_MAX   36500

static json_t *simcontrol_hex(const uint8_t *bytes, size_t size)
{
    char text[65];

    must(size <= 32);
    return json_string(text_hex(span_of(bytes, size), text));
}

static json_t *simcontrol_base64(struct span bytes)
{
    struct buf text;
    json_t *value;

    buf_init(&text, 1u << 20);
    simform_base64(&text, bytes);
    must(buf_ok(&text));
    value = json_stringn((const char *)text.at, text.len);
    buf_fini(&text);
    return value;
}

static void simcontrol_reply(struct simreply *reply, unsigned status, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);

    must(text != NULL);
    reply->status = status;
    reply->type = "application/json";
    buf_clear(&reply->body);
    buf_fmt(&reply->body, "%s\n", text);
    free(text);
    json_decref(object);
}

static json_t *simcontrol_cas(const struct simworld *world)
{
    json_t *cas = json_object();

    for (size_t i = 0; i < simca_count(world->ca); i++)
        must(json_object_set_new(cas, simca_name(world->ca, i),
                                 simcontrol_hex(simca_spki_sha256(world->ca, i), 32)) == 0);
    return cas;
}

char *simcontrol_ready_line(struct simworld *world)
{
    json_t *cas = simcontrol_cas(world);
    json_t *object;
    uint64_t size;
    char *text;

    simlog_read(world->log);
    size = simlog_size(world->log);
    simlog_done(world->log);
    object = json_pack("{s:s?, s:s?, s:s?, s:s?, s:o, s:o, s:o, s:o, s:I, s:s, s:s}", "url",
                       world->serve_rfc6962 ? world->rfc6962_url : NULL, "static_url",
                       world->serve_static ? world->static_url : NULL, "submission_url",
                       world->serve_static ? world->submission_url : NULL, "origin",
                       world->serve_static ? world->origin : NULL, "key",
                       simcontrol_base64(simlog_key(world->log)), "log_id",
                       simcontrol_base64(span_of(simlog_id(world->log), 32)), "ca", cas, "ca_spki_sha256",
                       simcontrol_hex(simca_spki_sha256(world->ca, 0), 32), "size", (json_int_t)size,
                       "control", world->control_url, "list_url", world->list_url);
    must(object != NULL);
    text = json_dumps(object, JSON_COMPACT);
    must(text != NULL);
    json_decref(object);
    return text;
}

static json_t *simcontrol_count(const struct simlimit_count *count)
{
    return json_pack("[I, I, I]", (json_int_t)count->asked, (json_int_t)count->answered,
                     (json_int_t)count->refused);
}

/* What a reader of these logs was told: [asked, answered, refused] in all, by address and second by second.
 */
static json_t *simcontrol_limits(struct simworld *world)
{
    struct simlimit_report *report = malloc(sizeof *report);
    json_t *set = json_object(), *sources = json_object(), *windows = json_array();
    struct simlimit_count all = {0, 0, 0};

    must(report != NULL);
    simlimit_report(world->limits, report);
    for (size_t i = 0; i < SIMLIMIT_COUNT; i++) {
        if (report->set[i].on)
            must(json_object_set_new(set, simlimit_row((enum simlimit_id)i)->word,
                                     json_pack("{s:f, s:f}", "value", report->set[i].value, "burst",
                                               report->set[i].burst)) == 0);
    }
    for (size_t i = 0; i < report->sources; i++) {
        char text[INET_ADDRSTRLEN];
        struct in_addr address = {htonl(report->source[i].address)};
        must(inet_ntop(AF_INET, &address, text, sizeof text) != NULL);
        must(json_object_set_new(sources, text, simcontrol_count(&report->source[i].count)) == 0);
    }
    for (size_t i = 0; i < report->windows; i++) {
        all.asked += report->window[i].asked;
        all.answered += report->window[i].answered;
        all.refused += report->window[i].refused;
        must(json_array_append_new(windows, simcontrol_count(&report->window[i])) == 0);
    }
    json_t *object =
        json_pack("{s:s, s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "operator", report->operated, "set", set, "ms",
                  (json_int_t)report->now_ms, "connections", (json_int_t)report->connections,
                  "connections_max", (json_int_t)report->connections_max, "all", simcontrol_count(&all),
                  "sources", sources, "windows", windows);
    must(object != NULL);
    free(report);
    return object;
}

void simcontrol_get(struct simworld *world, struct simreply *reply)
{
    struct simfault_state state[SIMFAULT_COUNT];
    uint64_t counts[SIMKIND_COUNT];
    json_t *requests = json_object();
    json_t *faults = json_object();
    uint64_t size, published;

    simfault_snapshot(&world->faults, state, counts);
    for (size_t i = 0; i < SIMKIND_COUNT; i++)
        must(json_object_set_new(requests, simfault_kind_word((enum simkind)i),
                                 json_integer((json_int_t)counts[i])) == 0);
    for (size_t i = 0; i < SIMFAULT_COUNT; i++)
        must(json_object_set_new(faults, simfault_row((enum simfault_id)i)->word,
                                 json_pack("{s:b, s:I, s:I}", "on", state[i].on ? 1 : 0, "seen",
                                           (json_int_t)state[i].seen, "hits", (json_int_t)state[i].hits)) ==
             0);
    simlog_read(world->log);
    size = simlog_size(world->log);
    published = simlog_head(world->log)->size;
    simlog_done(world->log);
    simcontrol_reply(reply, 200,
                     json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "size", (json_int_t)size, "published",
                               (json_int_t)published, "requests", requests, "faults", faults, "ca",
                               simcontrol_cas(world), "limits", simcontrol_limits(world)));
}

/* Strings of a JSON array into `out`; false when it is not an array of at most `max` strings. */
static bool simcontrol_strings(const json_t *array, const char **out, size_t max, size_t *count)
{
    *count = 0;
    if (array == NULL)
        return true;
    if (!json_is_array(array) || json_array_size(array) > max)
        return false;
    for (; *count < json_array_size(array); ++*count) {
        out[*count] = json_string_value(json_array_get(array, *count));
        if (out[*count] == NULL)
            return false;
    }
    return true;
}

static enum err_code simcontrol_read_form(const json_t *issue, enum simgen_form *form, struct err *why)
{
    static const char *const words[] = {"precert", "final", "both", "hidden"};
    const json_t *value = json_object_get(issue, "form");

    *form = SIMGEN_BOTH;
    if (value == NULL)
        return ERR_OK;
    for (size_t i = 0; json_is_string(value) && i < countof(words); i++) {
        if (strcmp(words[i], json_string_value(value)) == 0) {
            *form = (enum simgen_form)i;
            return ERR_OK;
        }
    }
    return err_set(why, ERR_USAGE, "issue: form is precert, final, both or hidden");
}

static enum err_code simcontrol_read_issue(struct simworld *world, const json_t *issue, const char **names,
                                           const char **ips, struct simgen_order *order, struct err *why)
{
    const char *ca = "demo";
    const char *organisation = NULL;
    json_int_t days = 90, not_before = 0, pad = 0, pad_chain = 0, age = 0;
    int common_name = 1;
    json_error_t error;
    json_t *name_array = NULL, *ip_array = NULL, *form = NULL;

    if (json_unpack_ex((json_t *)(uintptr_t)issue, &error, JSON_STRICT,
                       "{s?o, s?s, s?I, s?o, s?o, s?s, s?b, s?I, s?I, s?I, s?I}", "names", &name_array, "ca",
                       &ca, "days", &days, "form", &form, "ip", &ip_array, "organisation", &organisation,
                       "cn", &common_name, "not_before", &not_before, "pad", &pad, "pad_chain", &pad_chain,
                       "age", &age) != 0)
        return err_set(why, ERR_USAGE, "issue: %s", error.text);
    if (!simcontrol_strings(name_array, names, SIMCA_NAMES_MAX, &order->what.name_count) ||
        !simcontrol_strings(ip_array, ips, SIMCA_NAMES_MAX, &order->what.ip_count))
        return err_set(why, ERR_USAGE, "issue: names and ip are lists of at most %d texts", SIMCA_NAMES_MAX);
    if (days < 1 || days > SIMCONTROL_DAYS_MAX || not_before < 0 || not_before > INT64_C(4102444800))
        return err_set(why, ERR_USAGE, "issue: days is 1 to %d, not_before Unix seconds up to 2100",
                       SIMCONTROL_DAYS_MAX);
    if (age < 0 || age > SIMCONTROL_DAYS_MAX * INT64_C(86400))
        return err_set(why, ERR_USAGE, "issue: age is at most %d days, in seconds", SIMCONTROL_DAYS_MAX);
    order->age_s = age;
    if (pad < 0 || pad > SIMCA_PAD_MAX || pad_chain < 0 || pad_chain > SIMCA_PAD_MAX)
        return err_set(why, ERR_USAGE, "issue: pad and pad_chain are at most %u bytes", SIMCA_PAD_MAX);
    order->what.pad = (size_t)pad;
    order->pad_chain = (size_t)pad_chain;
    order->ca = simca_find(world->ca, ca);
    if (order->ca == SIZE_MAX)
        return err_set(why, ERR_USAGE, "issue: there is no ca \"%s\"", ca);
    order->what.names = names;
    order->what.ips = ips;
    order->what.days = (uint32_t)days;
    order->what.not_before = not_before;
    order->what.organisation = organisation;
    order->what.common_name = common_name != 0;
    return simcontrol_read_form(issue, &order->form, why);
}

static json_t *simcontrol_issue_answer(struct simworld *world, const struct simgen_order *order,
                                       const struct simgen_result *result)
{
    size_t last = result->count - 1;
    json_t *entries = json_array();
    json_t *answer;

    for (size_t i = 0; i < result->count; i++)
        must(
            json_array_append_new(entries, json_pack("{s:I, s:s, s:o}", "index", (json_int_t)result->index[i],
                                                     "form", result->precert[i] ? "precert" : "final",
                                                     "sha256", simcontrol_hex(result->sha256[i], 32))) == 0);
    answer = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "index", (json_int_t)result->index[last], "sha256",
                       simcontrol_hex(result->sha256[last], 32), "tbs_fp", simcontrol_hex(result->tbs_fp, 32),
                       "spki", simcontrol_hex(result->spki_sha256, 32), "ca_spki",
                       simcontrol_hex(simca_spki_sha256(world->ca, order->ca), 32), "entries", entries);
    must(answer != NULL);
    return answer;
}

static enum err_code simcontrol_issue(struct simworld *world, const json_t *issue, json_t *answer,
                                      struct err *why)
{
    const char *names[SIMCA_NAMES_MAX];
    const char *ips[SIMCA_NAMES_MAX];
    struct simgen_order order = {0};
    struct simgen_result result;
    enum err_code code = simcontrol_read_issue(world, issue, names, ips, &order, why);

    if (code == ERR_OK)
        code = simgen_issue(world->gen, &order, &result, why);
    if (code != ERR_OK)
        return code;
    json_t *part = simcontrol_issue_answer(world, &order, &result);
    must(json_object_update(answer, part) == 0);
    json_decref(part);
    return ERR_OK;
}

static enum err_code simcontrol_fault(struct simworld *world, const json_t *value, struct err *why)
{
    struct simfault_args args;
    enum simfault_id id;
    enum err_code code;

    if (!json_is_string(value))
        return err_set(why, ERR_USAGE, "fault: a text like \"429:3\" is needed");
    code = simfault_set(&world->faults, json_string_value(value), &id, &args, why);
    if (code == ERR_OK)
        simworld_fault_on(world, id, &args);
    return code;
}

static enum err_code simcontrol_limit(struct simworld *world, const json_t *value, struct err *why)
{
    const char *spec = json_string_value(value);

    if (spec == NULL || strncmp(spec, "page", 4) == 0 || strncmp(spec, "connections", 11) == 0)
        return err_set(why, ERR_USAGE,
                       "limit: a text like \"client:10\" is needed; page and connections "
                       "are for --limit");
    return simlimit_add(world->limits, spec, why);
}

static enum err_code simcontrol_append(struct simworld *world, const json_t *value, struct err *why)
{
    json_int_t count = json_integer_value(value);

    if (!json_is_integer(value) || count < 0 || count > SIMCONTROL_APPEND_MAX)
        return err_set(why, ERR_USAGE, "append: a number from 0 to %d is needed", SIMCONTROL_APPEND_MAX);
    simgen_mix(world->gen, (uint64_t)count, 0);
    return ERR_OK;
}

static enum err_code simcontrol_replay(struct simworld *world, const json_t *value, struct err *why)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    enum err_code code;

    must(text != NULL);
    code = simreplay_row(world->log, span_str(text), why);
    free(text);
    return code;
}

/* One member of the command. `publish` decides only whether the head follows, after all others. */
static enum err_code simcontrol_member(struct simworld *world, const char *name, const json_t *value,
                                       json_t *answer, bool *publish, struct err *why)
{
    if (strcmp(name, "fault") == 0)
        return simcontrol_fault(world, value, why);
    if (strcmp(name, "clear") == 0) {
        if (json_is_string(value) && simfault_clear(&world->faults, json_string_value(value)))
            return ERR_OK;
        return err_set(why, ERR_USAGE, "clear: the name of a fault or \"all\" is needed");
    }
    if (strcmp(name, "limit") == 0)
        return simcontrol_limit(world, value, why);
    if (strcmp(name, "append") == 0)
        return simcontrol_append(world, value, why);
    if (strcmp(name, "issue") == 0)
        return simcontrol_issue(world, value, answer, why);
    if (strcmp(name, "replay") == 0)
        return simcontrol_replay(world, value, why);
    if (strcmp(name, "list") == 0)
        return simlist_control(world, value, why);
    if (strcmp(name, "reveal") == 0 && json_is_true(value)) {
        must(json_object_set_new(answer, "revealed", json_integer((json_int_t)simgen_reveal(world->gen))) ==
             0);
        return ERR_OK;
    }
    if (strcmp(name, "counts") == 0 && json_is_string(value) &&
        strcmp(json_string_value(value), "zero") == 0) {
        simlimit_reset(world->limits);
        return ERR_OK;
    }
    if (strcmp(name, "publish") == 0 && json_is_boolean(value)) {
        *publish = json_is_true(value);
        return ERR_OK;
    }
    return err_set(
        why, ERR_USAGE,
        "%s: unknown; fault, clear, limit, counts, append, issue, reveal, replay, list and publish are known",
        name);
}

static enum err_code simcontrol_run(struct simworld *world, json_t *command, json_t *answer, struct err *why)
{
    enum err_code code = ERR_OK;
    bool publish = true;
    const char *name;
    json_t *value;

    if (!json_is_object(command) || json_object_size(command) == 0)
        return err_set(why, ERR_USAGE, "an object with a command is needed");
    must(pthread_mutex_lock(&world->gen_mutex) == 0);
    json_object_foreach(command, name, value)
    {
        if (code == ERR_OK)
            code = simcontrol_member(world, name, value, answer, &publish, why);
    }
    must(pthread_mutex_unlock(&world->gen_mutex) == 0);
    if (publish)
        simworld_publish(world);
    return code;
}

void simcontrol_post(struct simworld *world, struct span body, struct simreply *reply)
{
    json_error_t error;
    json_t *command = json_loadb((const char *)body.at, body.len, 0, &error);
    json_t *answer = json_object();
    struct err why = {0};

    if (command == NULL)
        (void)err_set(&why, ERR_FORMAT, "not JSON: %s", error.text);
    else
        (void)simcontrol_run(world, command, answer, &why);
    json_decref(command);
    if (why.code != ERR_OK) {
        json_decref(answer);
        simcontrol_reply(reply, 400, json_pack("{s:s}", "error", why.text));
        return;
    }
    simlog_read(world->log);
    must(json_object_set_new(answer, "ok", json_true()) == 0);
    must(json_object_set_new(answer, "size", json_integer((json_int_t)simlog_size(world->log))) == 0);
    must(json_object_set_new(answer, "published", json_integer((json_int_t)simlog_head(world->log)->size)) ==
         0);
    simlog_done(world->log);
    simcontrol_reply(reply, 200, answer);
}
