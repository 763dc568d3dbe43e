%% Where the Erlang nodes of a benchmark listen, instead of a daemon that says it: BENCH_PORTS has a port for
%% each of bench0, bench1 and so on, all at 127.0.0.1.
-module(bench_ports).
-export([start_link/0, register_node/2, register_node/3, listen_port_please/2, address_please/3,
    port_please/2, port_please/3, names/1]).

start_link() -> ignore.

register_node(Name, Port) -> register_node(Name, Port, inet).
register_node(_, _, _) -> {ok, 1}.

listen_port_please(Name, _) -> {ok, port_of(Name)}.

address_please(Name, _, _) -> {ok, {127, 0, 0, 1}, port_of(Name), 6}.

port_please(Name, _) -> {port, port_of(Name), 6}.
port_please(Name, Host, _) -> port_please(Name, Host).

names(_) -> {error, address}.

port_of(Name) when is_atom(Name) -> port_of(atom_to_list(Name));
port_of("bench" ++ Index) ->
    Ports = string:lexemes(os:getenv("BENCH_PORTS"), ","),
    list_to_integer(lists:nth(list_to_integer(Index) + 1, Ports)).
