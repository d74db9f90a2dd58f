"""Settings: where they come from, which win, and what is refused with which sentence."""

import stat
import tomllib

import pytest

from fedserver import config
from fedserver.config import ConfigError

TESTING = {"FEDSERVER_TESTING__ENABLED": "1"}


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def load(file="", path=None, **environ):
        if file:
            (tmp_path / "fedserver.toml").write_text(file)
            path = tmp_path / "fedserver.toml"
        return config.load(path, {f"FEDSERVER_{name}": value for name, value in environ.items()})

    return load


def test_the_environment_wins_over_the_file_and_both_count_as_given(load):
    got = load(
        'domain = "a.example"\nregistrations = "open"\n[testing]\nenabled = true\ntime_scale = 5',
        REGISTRATIONS="closed",
        TESTING__ALLOW_HTTP="1",
    )
    assert (got.domain, got.registrations, got.secure_mode) == ("a.example", "closed", True)
    assert (got.testing.allow_http, got.testing.time_scale) == (True, 5.0)
    assert got.given == {
        "domain",
        "registrations",
        "testing.enabled",
        "testing.time_scale",
        "testing.allow_http",
    }


def test_the_file_is_found_in_the_data_directory_or_where_it_is_named(load, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "fedserver.toml").write_text('domain = "kept.example"')
    assert load(DATA="store").domain == "kept.example"
    named = load(CONFIG=str(tmp_path / "store" / "fedserver.toml"))
    assert named.data_dir == tmp_path / "store"
    assert named.database_url == f"sqlite:///{tmp_path}/store/fedserver.db"
    with pytest.raises(ConfigError, match="does not exist"):
        load(CONFIG="elsewhere.toml")


def test_relative_paths_start_where_they_were_written(load, tmp_path):
    got = load(
        'domain = "a.example"\ndata = "kept"\nmail = "dir:mails"\ndatabase = "sqlite:///x.db"',
        LISTEN="unix:web.sock",
    )
    assert (got.data, got.mail) == (f"{tmp_path}/kept", f"dir:{tmp_path}/mails")
    assert got.database_url == f"sqlite:///{tmp_path}/x.db"
    assert got.listen_on.path == tmp_path / "web.sock"


@pytest.mark.parametrize(
    ("domain", "url", "expected"),
    [
        ("A.Example", "", ("a.example", "https://a.example")),
        ("a.example", "https://Social.A.example:443/", ("a.example", "https://social.a.example")),
        ("", "https://a.example:8443", ("a.example:8443", "https://a.example:8443")),
        ("münchen.example", "", ("xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example")),
        ("[::1]:8080", "http://[::1]:8080", ("[::1]:8080", "http://[::1]:8080")),
    ],
)
def test_domain_and_url_complete_each_other_in_one_spelling(load, domain, url, expected):
    got = load(DOMAIN=domain, URL=url)
    assert (got.domain, got.origin) == expected


@pytest.mark.parametrize(
    ("url", "testing", "federates"),
    [
        ("https://a.example", {}, True),
        ("http://localhost:8080", {}, False),
        ("http://127.0.0.1:8080", {"TESTING__ALLOW_HTTP": "1"}, False),
        ("http://127.0.0.1:8080", {"TESTING__ENABLED": "1", "TESTING__ALLOW_HTTP": "1"}, True),
        ("http://a.example", {"TESTING__ENABLED": "1", "TESTING__ALLOW_HTTP": "1"}, True),
        ("https://127.0.0.1:8443", {"TESTING__ENABLED": "1"}, True),
    ],
)
def test_http_federates_in_test_mode_only(load, url, testing, federates):
    assert load(URL=url, **testing).federates is federates


@pytest.mark.parametrize("testing", [{}, {"TESTING__ENABLED": "1"}, {"TESTING__ALLOW_HTTP": "1"}])
def test_plain_http_on_a_public_name_is_refused(load, testing):
    with pytest.raises(ConfigError, match=r"url \(FEDSERVER_URL\) must begin with https"):
        load(URL="http://a.example", **testing)


def test_testing_settings_have_no_effect_unless_enabled(load):
    got = load(DOMAIN="a.example", TESTING__ALLOW_NETS="127.0.0.0/8", TESTING__TIME_SCALE="1000")
    assert (got.testing.allow_nets, got.testing.time_scale) == ((), 1.0)
    assert "testing.enabled" in got.notes[0]


def test_static_hosts_are_read_with_and_without_port(load):
    got = load(
        DOMAIN="a.example",
        TESTING__ENABLED="1",
        TESTING__HOSTS="b.example=127.0.0.1:81, c.example:444=[::1]:82",
    )
    assert got.testing.static_hosts == {
        ("b.example", None): ("127.0.0.1", 81),
        ("c.example", 444): ("::1", 82),
    }


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("URL", "https://a.example/path", "origin"),
        ("URL", "https://user@a.example", "origin"),
        ("URL", "https://a.example:99999", "origin"),
        ("DOMAIN", "a example", "host name"),
        ("DATABASE", "mysql://x", "postgresql"),
        ("BUS", "postgresql", "only when the database"),
        ("MAIL", "sendmail", "smtp"),
        ("LISTEN", "8080", "HOST:PORT"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "networks"),
        ("RATE_LIMIT_FACTOR", "0", "greater than 0"),
        ("RATE_LIMIT_FACTOR", "fast", "float"),
        ("REGISTRATIONS", "maybe", "closed, approval, open, invite"),
        ("SECURE_MODE", "perhaps", "bool"),
        ("TIME_ZONE", "Mars/Base", "IANA"),
        ("CONTACT_EMAIL", "nobody", "e-mail"),
        ("UPLOAD_BYTES_MAX", "0", ">= 1"),
        ("TESTING__DNS", "localhost:53", "address:port"),
        ("TESTING__CA", "missing.pem", "existing file"),
    ],
)
def test_an_unusable_value_is_refused_by_its_name(load, name, value, says):
    environ = {"DOMAIN": "a.example", "TESTING__ENABLED": "1", name: value}
    with pytest.raises(ConfigError, match=f"FEDSERVER_{name}.*{says}"):
        load(**environ)


def test_a_misspelt_setting_is_refused_in_the_file_and_noted_in_the_environment(load):
    with pytest.raises(ConfigError, match="Is registrations meant"):
        load('domain = "a.example"\nregistration = "open"')
    (note,) = load('domain = "a.example"', REGISTRATION="open", TEST_SHARED="/x").notes
    assert "FEDSERVER_REGISTRATION " in note


def test_a_domain_is_needed(load):
    with pytest.raises(ConfigError, match=r"domain \(FEDSERVER_DOMAIN\) is missing"):
        load()


def test_the_first_file_is_private_complete_and_never_overwritten(load, tmp_path):
    path = tmp_path / "new" / "fedserver.toml"
    assert config.write_initial(path, domain="a.example", environ={}, title='Trainers of "Ä"')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not config.write_initial(path, domain="b.example", environ={})
    got = load(path=path)
    assert (got.domain, got.title, got.given) == ("a.example", 'Trainers of "Ä"', {"domain", "title"})


def test_a_first_file_that_could_not_be_used_is_not_written(tmp_path):
    with pytest.raises(ConfigError):
        config.write_initial(tmp_path / "f.toml", domain="a.example", url="http://a.example", environ={})
    assert not (tmp_path / "f.toml").exists()


def test_the_description_is_a_file_that_sets_every_default(tmp_path):
    uncommented = "\n".join(
        line.removeprefix("#") for line in config.describe().splitlines() if not line.startswith("# ")
    )
    values = tomllib.loads(uncommented)
    (tmp_path / "f.toml").write_text(uncommented.replace('domain = ""', 'domain = "a.example"'))
    everything = config.load(tmp_path / "f.toml", {})
    assert everything.testing == config.Testing()
    assert {"domain", "secure_mode", "testing.hosts"} <= everything.given
    assert set(values["testing"]) == {
        "enabled",
        "allow_http",
        "allow_nets",
        "hosts",
        "dns",
        "ca",
        "time_scale",
    }


def test_no_secret_is_shown_when_the_configuration_is_printed(load):
    got = load(DOMAIN="a.example", MAIL="smtp://u:hunter2@h", DATABASE="postgresql://u:hunter2@h/d")
    assert "hunter2" not in f"{got!r} {got}"
