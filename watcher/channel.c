#include "watcher/channel.h"

#include "watcher/chanrule.h"

void channel_free(struct channel *channel)
{
    chanrule_free(channel->rule);
    channel->ops->free(channel);
}
