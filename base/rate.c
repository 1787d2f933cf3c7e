#include "base/rate.h"

#include "base/text.h"

void rate_bucket_init(struct rate_bucket *bucket, double per_s, double burst, int64_t now_ms)
{
    if (!(burst >= 1))
        burst = 1;
    *bucket = (struct rate_bucket){.tokens = burst, .per_s = per_s, .burst = burst, .at_ms = now_ms};
}

static void fill(struct rate_bucket *bucket, int64_t now_ms)
{
    /* A clock that went backwards gives nothing and takes nothing. */
    if (now_ms > bucket->at_ms) {
        bucket->tokens += (double)(now_ms - bucket->at_ms) * bucket->per_s / 1000;
        if (bucket->tokens > bucket->burst)
            bucket->tokens = bucket->burst;
    }
    bucket->at_ms = now_ms;
}

static int64_t until(const struct rate_bucket *bucket, double tokens)
{
    double wait_ms = (tokens - bucket->tokens) * 1000 / bucket->per_s;
    return wait_ms >= (double)INT32_MAX ? INT32_MAX : (int64_t)wait_ms + 1;
}

int64_t rate_bucket_take(struct rate_bucket *bucket, int64_t now_ms)
{
    if (!(bucket->per_s > 0))
        return 0;
    fill(bucket, now_ms);
    if (bucket->tokens < 1)
        return until(bucket, 1);
    bucket->tokens -= 1;
    return 0;
}

int64_t rate_bucket_spend(struct rate_bucket *bucket, int64_t now_ms, double amount)
{
    if (!(bucket->per_s > 0))
        return 0;
    fill(bucket, now_ms);
    bucket->tokens -= amount;
    return bucket->tokens < 0 ? until(bucket, 0) : 0;
}

void rate_backoff_init(struct rate_backoff *backoff, int64_t wait_ms_min, int64_t wait_ms_max, uint64_t seed)
{
    must(wait_ms_min > 0 && wait_ms_min <= wait_ms_max && wait_ms_max <= INT64_MAX / 4);
    *backoff = (struct rate_backoff){.wait_ms_min = wait_ms_min, .wait_ms_max = wait_ms_max, .seed = seed};
}

/* SplitMix64: good enough to spread waiters, and repeatable in tests. */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

int64_t rate_backoff_next(struct rate_backoff *backoff)
{
    int64_t wait_ms = backoff->wait_ms == 0 ? backoff->wait_ms_min : backoff->wait_ms * 2;
    if (wait_ms > backoff->wait_ms_max)
        wait_ms = backoff->wait_ms_max;
    int64_t quarter = wait_ms / 4;
    wait_ms += (int64_t)(next_random(&backoff->seed) % (uint64_t)(2 * quarter + 1)) - quarter;
    /* Mirrored, not cut: waiters at the ceiling must stay spread as well. */
    if (wait_ms > backoff->wait_ms_max)
        wait_ms = 2 * backoff->wait_ms_max - wait_ms;
    backoff->wait_ms = wait_ms < 1 ? 1 : wait_ms;
    return backoff->wait_ms;
}

void rate_backoff_reset(struct rate_backoff *backoff)
{
    backoff->wait_ms = 0;
}

static struct span trim(struct span text)
{
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = span_part(text, 1, text.len);
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Cuts the part before the first byte of `stops` off `text` and eats all stop bytes behind it. */
static struct span take_word(struct span *text, const char *stops)
{
    size_t end = 0, next;
    while (end < text->len && strchr(stops, text->at[end]) == NULL)
        end++;
    struct span word = span_part(*text, 0, end);
    for (next = end; next < text->len && text->at[next] != 0 && strchr(stops, text->at[next]) != NULL; next++)
        ;
    *text = span_part(*text, next, text->len);
    return word;
}

static bool take_number(struct span word, int64_t min, int64_t max, int64_t *value)
{
    uint64_t number;
    if (!text_uint(word, &number) || number > (uint64_t)max)
        return false;
    *value = (int64_t)number;
    return *value >= min;
}

static bool read_month(struct span word, int *month)
{
    static const char names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (int i = 0; i < 12; i++) {
        if (span_eq(word, span_str(names[i]))) {
            *month = i + 1;
            return true;
        }
    }
    return false;
}

static bool read_clock(struct span word, int64_t *seconds)
{
    int64_t hour, minute, second;
    struct span hh = take_word(&word, ":");
    struct span mm = take_word(&word, ":");
    if (!take_number(hh, 0, 23, &hour) || !take_number(mm, 0, 59, &minute) ||
        !take_number(word, 0, 60, &second))
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

/* RFC 9110 section 5.6.7: a two-digit year more than 50 years ahead lies in the past century. */
static int64_t widen_year(int64_t year, size_t digits, int64_t now_wall_ms)
{
    int64_t now_year;
    int month, day;
    if (digits != 2)
        return year;
    text_date(now_wall_ms / 86400000, &now_year, &month, &day);
    year += now_year - now_year % 100;
    return year > now_year + 50 ? year - 100 : year;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994". */
static bool read_http_date(struct span text, int64_t now_wall_ms, int64_t *unix_ms)
{
    int64_t year, day, seconds;
    int month;
    (void)take_word(&text, " ,");
    struct span first = take_word(&text, " -");
    struct span second = take_word(&text, " -");
    struct span third = take_word(&text, " -");
    struct span fourth = take_word(&text, " ");
    bool asctime_form = read_month(first, &month);
    struct span day_word = asctime_form ? second : first;
    struct span clock_word = asctime_form ? third : fourth;
    struct span year_word = asctime_form ? fourth : third;
    if (!asctime_form && (!read_month(second, &month) || !span_eq(text, SPAN_LIT("GMT"))))
        return false;
    if (asctime_form && text.len != 0)
        return false;
    if (!take_number(day_word, 1, 31, &day) || !take_number(year_word, 0, 9999, &year) ||
        !read_clock(clock_word, &seconds))
        return false;
    year = widen_year(year, year_word.len, now_wall_ms);
    *unix_ms = (text_days(year, month, (int)day) * 86400 + seconds) * 1000;
    return true;
}

static bool all_digits(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    return text.len > 0;
}

int64_t rate_retry_after_ms(struct span value, int64_t now_wall_ms, int64_t wait_ms_max)
{
    uint64_t seconds;
    int64_t at_ms;

    value = trim(value);
    if (all_digits(value)) {
        if (!text_uint(value, &seconds) || seconds > (uint64_t)wait_ms_max / 1000)
            return wait_ms_max;
        return (int64_t)seconds * 1000;
    }
    if (!read_http_date(value, now_wall_ms, &at_ms))
        return -1;
    if (at_ms <= now_wall_ms)
        return 0;
    return at_ms - now_wall_ms < wait_ms_max ? at_ms - now_wall_ms : wait_ms_max;
}
