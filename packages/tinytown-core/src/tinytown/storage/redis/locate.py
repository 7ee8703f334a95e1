"""Which server answers for a town: the one that the address names, or the one that Sentinels or a cluster name.

Asked anew for each connection, so a failover or a moved slot is followed by dropping the connections that were.
"""

from __future__ import annotations

from typing import Any

from tinytown.storage.redis.dial import resolve
from tinytown.storage.redis.urls import Endpoint, Scheme, ServerAddress
from tinytown.storage.redis.wire import BrokenWireError, Deadline


def locate(address: ServerAddress, key: str, deadline: Deadline) -> Endpoint:
    """Find the server that holds a key. Blocks; asyncio code calls it in a thread.

    Args:
        address: A server address.
        key: Any key of the town.
        deadline: When to give up.

    Raises:
        BrokenWireError: None of the first contacts could name it.
    """
    if address.scheme is Scheme.SENTINEL:
        return _from_sentinels(address, deadline)
    if address.scheme is Scheme.CLUSTER:
        return _from_cluster(address, key, deadline)
    endpoint = address.endpoints[0]
    if not endpoint.path:
        resolve(endpoint, deadline)  # the library would wait for a dead name server without end
    return endpoint


def _from_sentinels(address: ServerAddress, deadline: Deadline) -> Endpoint:
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry
    from redis.sentinel import Sentinel

    share = deadline.left / len(address.endpoints)
    sentinels: Any = Sentinel(
        [(endpoint.host, endpoint.port) for endpoint in address.endpoints],
        sentinel_kwargs={
            "socket_timeout": share,
            "socket_connect_timeout": share,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        },
    )
    try:
        host, port = sentinels.discover_master(address.master)
    except RedisError as error:
        hosts = ", ".join(str(endpoint) for endpoint in address.endpoints)
        raise BrokenWireError(
            f"no Sentinel of {hosts} names a primary `{address.master}`",
            hint="check hosts, ports and the name with `SENTINEL MASTERS`",
        ) from error
    finally:
        for client in sentinels.sentinels:
            client.close()
    return Endpoint(str(host), int(port))


def _from_cluster(address: ServerAddress, key: str, deadline: Deadline) -> Endpoint:
    from redis.backoff import NoBackoff
    from redis.cluster import ClusterNode, RedisCluster
    from redis.exceptions import AuthenticationError, RedisClusterException, RedisError
    from redis.retry import Retry

    from tinytown.storage.redis.library import reply_of

    share = deadline.left / len(address.endpoints)
    cluster: Any = None
    try:
        cluster = RedisCluster(
            startup_nodes=[ClusterNode(endpoint.host, endpoint.port) for endpoint in address.endpoints],
            username=address.username,
            password=address.password,
            socket_timeout=share,
            socket_connect_timeout=share,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        node = cluster.get_node_from_key(key)
    except AuthenticationError as error:
        raise reply_of(error) from error
    except (RedisError, RedisClusterException) as error:
        cause = error.__cause__ or error
        if isinstance(cause, AuthenticationError):
            raise reply_of(cause) from error
        hosts = ", ".join(str(endpoint) for endpoint in address.endpoints)
        raise BrokenWireError(
            f"no cluster answers at {hosts}", hint="check hosts and ports, and `CLUSTER INFO` there"
        ) from error
    finally:
        if cluster is not None:
            cluster.close()
    if node is None:
        raise BrokenWireError("the cluster has no server for this town's slot", hint="see `CLUSTER INFO` there")
    return Endpoint(str(node.host), int(node.port))
