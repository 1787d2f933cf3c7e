#include "cli/simulator.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"

#define SIMULATOR_PROGRAM  "ctvigil-logsim"
#define SIMULATOR_START_MS 60000

/* Beside this program first (a build folder), then wherever PATH says. */
static void simulator_find(char *out, size_t out_cap)
{
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

    if (len > 0) {
        self[len] = '\0';
        char *slash = strrchr(self, '/');
        (void)snprintf(out, out_cap, "%.*s/%s", (int)(slash - self), self, SIMULATOR_PROGRAM);
        if (access(out, X_OK) == 0)
            return;
    }
    (void)snprintf(out, out_cap, "%s", SIMULATOR_PROGRAM);
}

static void simulator_child(int out, unsigned entries, unsigned entries_per_s)
{
    char program[4200];
    char count[32];
    char rate[32];

    /* Whatever happens to the demo, no simulator stays behind. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGINT, SIG_IGN); /* Ctrl-C is for the demo, which then ends the simulator */
    if (dup2(out, STDOUT_FILENO) < 0)
        _exit(127);
    simulator_find(program, sizeof program);
    (void)snprintf(count, sizeof count, "%u", entries);
    (void)snprintf(rate, sizeof rate, "%u", entries_per_s);
    (void)execlp(program, program, "--port", "0", "--entries", count, "--rate", rate, (char *)NULL);
    _exit(127);
}

/* One line from the child, or an error when it ends or takes too long. */
static enum err_code simulator_line(int from, char *line, size_t cap, struct err *why)
{
    int64_t until = clock_mono_ms() + SIMULATOR_START_MS;
    size_t len = 0;

    while (len + 1 < cap) {
        struct pollfd wait = {.fd = from, .events = POLLIN};
        int64_t left = until - clock_mono_ms();
        if (left <= 0 || poll(&wait, 1, (int)left) == 0)
            return err_set(why, ERR_TIMEOUT, SIMULATOR_PROGRAM " did not become ready within %d s",
                           SIMULATOR_START_MS / 1000);
        ssize_t got = read(from, line + len, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return err_set(why, ERR_SYSTEM,
                           SIMULATOR_PROGRAM " could not be started; it belongs beside ctvigil or in PATH");
        if (line[len] == '\n')
            break;
        len++;
    }
    line[len] = '\0';
    return ERR_OK;
}

static bool simulator_text(json_t *object, const char *name, char *out, size_t cap)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL && (size_t)snprintf(out, cap, "%s", text) < cap;
}

static enum err_code simulator_ready(struct simulator *simulator, const char *line, struct err *why)
{
    json_t *ready = json_loads(line, 0, NULL);
    bool ok =
        ready != NULL && simulator_text(ready, "url", simulator->url, sizeof simulator->url) &&
        simulator_text(ready, "static_url", simulator->static_url, sizeof simulator->static_url) &&
        simulator_text(ready, "submission_url", simulator->submission_url,
                       sizeof simulator->submission_url) &&
        simulator_text(ready, "control", simulator->control_url, sizeof simulator->control_url) &&
        simulator_text(ready, "key", simulator->key, sizeof simulator->key) &&
        simulator_text(json_object_get(ready, "ca"), "demo", simulator->ca_demo, sizeof simulator->ca_demo);

    json_decref(ready);
    return ok ? ERR_OK
              : err_set(why, ERR_FORMAT, SIMULATOR_PROGRAM " answered something unexpected: %s", line);
}

enum err_code simulator_start(struct simulator *simulator, unsigned entries, unsigned entries_per_s,
                              struct err *why)
{
    static char line[16384];
    int ends[2];
    enum err_code code;

    memset(simulator, 0, sizeof *simulator);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set(why, ERR_SYSTEM, "no pipe for the log simulator (%s)", strerror(errno));
    simulator->pid = fork();
    if (simulator->pid == 0)
        simulator_child(ends[1], entries, entries_per_s);
    (void)close(ends[1]);
    if (simulator->pid < 0)
        code = err_set(why, ERR_SYSTEM, "no process for the log simulator (%s)", strerror(errno));
    else if ((code = simulator_line(ends[0], line, sizeof line, why)) == ERR_OK)
        code = simulator_ready(simulator, line, why);
    (void)close(ends[0]);
    if (code != ERR_OK)
        simulator_stop(simulator);
    return code;
}

static size_t simulator_body(char *data, size_t size, size_t count, void *arg)
{
    struct buf *body = arg;

    buf_put(body, span_of(data, size * count));
    return buf_ok(body) ? size * count : 0;
}

static enum err_code simulator_post(struct simulator *simulator, const char *json, json_t **answer,
                                    struct err *why)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    struct buf body;
    CURL *easy = curl_easy_init();
    CURLcode result;
    long status = 0;

    must(easy != NULL && headers != NULL);
    buf_init(&body, LIMIT_SMALL_BYTES);
    (void)curl_easy_setopt(easy, CURLOPT_URL, simulator->control_url);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, json);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, simulator_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 20000L);
    result = curl_easy_perform(easy);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    enum err_code code = ERR_OK;
    if (result != CURLE_OK)
        code =
            err_set(why, ERR_NETWORK, "the log simulator does not answer (%s)", curl_easy_strerror(result));
    else if (status != 200)
        code = err_set(why, ERR_HTTP, "the log simulator refused (%ld): %s", status, buf_text(&body));
    *answer = code == ERR_OK ? json_loads(buf_text(&body), 0, NULL) : NULL;
    buf_fini(&body);
    return code;
}

enum err_code simulator_issue(struct simulator *simulator, const char *ca, const char *const *names,
                              size_t count, int days, uint64_t *size, struct err *why)
{
    json_t *list = json_array();
    json_t *answer = NULL;
    enum err_code code;

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, json_string(names[i]));
    json_t *order =
        json_pack("{s:{s:o, s:s, s:i, s:s}}", "issue", "names", list, "ca", ca, "days", days, "form", "both");
    must(order != NULL);
    char *text = json_dumps(order, JSON_COMPACT);
    must(text != NULL);
    code = simulator_post(simulator, text, &answer, why);
    json_t *index = json_object_get(answer, "index"); /* of the last one */
    if (code == ERR_OK && !json_is_integer(index))
        code = err_set(why, ERR_FORMAT, "the log simulator did not say where the certificate is");
    *size = code == ERR_OK ? (uint64_t)json_integer_value(index) + 1 : 0;
    json_decref(answer);
    free(text);
    json_decref(order);
    return code;
}

void simulator_stop(struct simulator *simulator)
{
    if (simulator->pid <= 0)
        return;
    (void)kill(simulator->pid, SIGTERM);
    while (waitpid(simulator->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    simulator->pid = 0;
}
