# by name: its tree is large
# sandbox: --tree large
# seconds: 240
# RabbitMQ: two Erlang machines that talk to each other, users and queues, messages that outlive a restart.
echo "127.0.0.1 $(hostname)" >>/etc/hosts
export RABBITMQ_NODENAME=rabbit@localhost
start() {
    rabbitmq-server -detached
    for _ in $(seq 60); do rabbitmqctl --quiet await_startup --timeout 60 2>/dev/null && return; sleep 0.5; done
    return 1
}
start
rabbitmqctl --quiet add_user alice secret
rabbitmqctl --quiet add_vhost place
rabbitmqctl --quiet set_permissions -p place alice '.*' '.*' '.*'
rabbitmqctl --quiet list_users | grep -q '^alice'
[ "$(rabbitmqctl eval 'os:cmd("id -un").')" = '"rabbitmq\n"' ]
cat >/tmp/amqp.py <<'P'
import pika, sys
connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", virtual_host="place", credentials=pika.PlainCredentials("alice", "secret")))
channel = connection.channel()
channel.queue_declare("work", durable=True)
if sys.argv[1] == "put":
    channel.confirm_delivery()
    for number in range(200):
        channel.basic_publish("", "work", str(number).encode(), pika.BasicProperties(delivery_mode=2))
else:
    got = [int(channel.basic_get("work", auto_ack=True)[2]) for _ in range(200)]
    assert got == list(range(200)), got
connection.close()
P
python3 /tmp/amqp.py put
[ "$(rabbitmqctl --quiet list_queues -p place | tail -n 1)" = "$(printf 'work\t200')" ]
rabbitmqctl --quiet stop
for _ in $(seq 100); do pgrep beam.smp >/dev/null || break; sleep 0.1; done
start
python3 /tmp/amqp.py get
rabbitmqctl --quiet stop
