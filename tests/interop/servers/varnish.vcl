# Varnish in front of the back end, which serves all; nothing is cached.
vcl 4.1;
backend web {
  .host = "127.0.0.1";
  .port = "@BACKEND@";
}
sub vcl_recv {
  return (pass);
}
