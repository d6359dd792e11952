using System.Net;
using FunctionsApp.Core.Outbound;

namespace FunctionsApp.Core.Tests.Outbound;

public sealed class OutboundGuardTests : OutboundTests
{
    [Theory]

    // Loopback in every spelling.
    [InlineData("http://127.0.0.1/")]
    [InlineData("http://127.0.0.1:7071/api/health/live")]
    [InlineData("https://127.255.255.254/")]
    [InlineData("http://localhost/")]
    [InlineData("http://LOCALHOST./")]
    [InlineData("http://app.localhost/")]
    [InlineData("http://2130706433/")]
    [InlineData("http://2130706433./")]
    [InlineData("http://0x7f000001/")]
    [InlineData("http://0x7F000001./")]
    [InlineData("http://0x7f.1/")]
    [InlineData("http://0177.0.0.1/")]
    [InlineData("http://00000177.1/")]
    [InlineData("http://127.1/")]
    [InlineData("http://127.0.1/")]
    [InlineData("http://127.0.0.1./")]
    [InlineData("http://0x7F.0x0.0x0.0x1/")]
    [InlineData(" http://127.0.0.1/ ")]
    [InlineData("http://127。0。0。1/")]
    [InlineData("http://１２７.０.０.１/")]
    [InlineData("http://①②⑦.⓪.⓪.①/")]
    [InlineData("http://𝟏𝟐𝟕.0.0.1/")]
    [InlineData("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/")]
    [InlineData("http://ｌocalhost/")]
    [InlineData("http://lo\u200bcalhost/")]
    [InlineData("http://loc\u00adalhost/")]
    [InlineData("http://127.0.0.1\u200b/")]
    [InlineData("http://[::1]/")]
    [InlineData("http://[0:0:0:0:0:0:0:1]:80/")]
    [InlineData("http://[::1%251]/")]
    [InlineData("http://[::1].example.com/")]

    // Unspecified and "this network".
    [InlineData("http://0/")]
    [InlineData("http://0.0.0.0/")]
    [InlineData("http://0.1.2.3/")]
    [InlineData("http://[::]/")]

    // Private, shared, link-local; metadata services.
    [InlineData("http://10.0.0.1/")]
    [InlineData("http://012.0.0.1/")]
    [InlineData("http://172.16.0.1/")]
    [InlineData("http://172.31.255.255/")]
    [InlineData("http://192.168.0.1/")]
    [InlineData("http://0300.0250.1/")]
    [InlineData("http://100.64.0.1/")]
    [InlineData("http://100.100.100.200/")]
    [InlineData("http://100.127.255.255/")]
    [InlineData("http://169.254.169.254/metadata/instance?api-version=2021-02-01")]
    [InlineData("http://169.254.43518/")]
    [InlineData("http://2852039166/")]
    [InlineData("http://0xa9fea9fe/")]
    [InlineData("http://0251.0376.0251.0376/")]
    [InlineData("http://169.254.130.1/")]
    [InlineData("http://168.63.129.16/")]
    [InlineData("http://192.0.0.192/")]
    [InlineData("http://metadata.google.internal/")]
    [InlineData("http://metadata/")]
    [InlineData("http://kubernetes.default.svc.cluster.local/")]
    [InlineData("http://printer.home.arpa/")]
    [InlineData("http://[fd00:ec2::254]/")]
    [InlineData("http://[fc00::1]/")]
    [InlineData("http://[fe80::1]/")]
    [InlineData("http://[fe80::1%25eth0]/")]
    [InlineData("http://[fec0::1]/")]

    // Documentation, benchmarks, multicast, reserved.
    [InlineData("http://192.0.2.1/")]
    [InlineData("http://198.51.100.1/")]
    [InlineData("http://203.0.113.1/")]
    [InlineData("http://192.88.99.1/")]
    [InlineData("http://198.18.0.1/")]
    [InlineData("http://198.19.255.255/")]
    [InlineData("http://224.0.0.1/")]
    [InlineData("http://239.255.255.255/")]
    [InlineData("http://240.0.0.1/")]
    [InlineData("http://255.255.255.255/")]
    [InlineData("http://[2001:db8::1]/")]
    [InlineData("http://[3fff::1]/")]
    [InlineData("http://[3ffe::1]/")]
    [InlineData("http://[100::1]/")]
    [InlineData("http://[5f00::1]/")]
    [InlineData("http://[4000::1]/")]
    [InlineData("http://[ff02::1]/")]

    // Forms that embed an IPv4 address, and other transition and protocol ranges.
    [InlineData("http://[::ffff:127.0.0.1]/")]
    [InlineData("http://[::ffff:7f00:1]/")]
    [InlineData("http://[0:0:0:0:0:ffff:169.254.169.254]/")]
    [InlineData("http://[::ffff:8.8.8.8]/")]
    [InlineData("http://[::127.0.0.1]/")]
    [InlineData("http://[64:ff9b::7f00:1]/")]
    [InlineData("http://[64:ff9b::169.254.169.254]/")]
    [InlineData("http://[64:ff9b:1::a00:1]/")]
    [InlineData("http://[2002:7f00:1::]/")]
    [InlineData("http://[2002:a9fe:a9fe::1]/")]
    [InlineData("http://[2001::1]/")]
    [InlineData("http://[2001:0:53aa:64c:0:0:80ff:fffe]/")]
    [InlineData("http://[2001:2::1]/")]
    [InlineData("http://[2001:10::1]/")]
    [InlineData("http://[2001:20::1]/")]
    [InlineData("http://[2606:4700::5efe:10.0.0.1]/")]
    [InlineData("http://[2606:4700::200:5efe:a00:1]/")]

    // No addresses, and no names either: a resolver may make an address of them.
    [InlineData("http://1.2.3.4.5/")]
    [InlineData("http://256.256.256.256/")]
    [InlineData("http://4294967296/")]
    [InlineData("http://0x100000001/")]
    [InlineData("http://08.0.0.1/")]
    [InlineData("http://0x/")]
    [InlineData("http://example.0x7f/")]

    // Punycode that is none.
    [InlineData("http://xn--ä.example.com/")]
    [InlineData("http://example.xn--ä/")]

    // Credentials, which hide the host from a reader's eye.
    [InlineData("http://user@example.com/")]
    [InlineData("http://user:secret@example.com/")]
    [InlineData("http://@example.com/")]
    [InlineData("http://:@example.com/")]
    [InlineData("http://example.com@127.0.0.1/")]
    [InlineData("http://localhost%2f@example.com/")]
    [InlineData("http://1.1.1.1 &@2.2.2.2# @3.3.3.3/")]

    // Other schemes.
    [InlineData("file:///etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("//127.0.0.1/")]
    [InlineData("ftp://example.com/")]
    [InlineData("gopher://example.com:6379/_FLUSHALL")]
    [InlineData("ws://example.com/")]
    [InlineData("unix:/run/docker.sock")]
    [InlineData("data:text/plain,hello")]
    [InlineData("javascript:alert(1)")]

    // No port.
    [InlineData("http://example.com:0/")]
    public void A_blocked_URL_is_refused_before_any_lookup(string url)
    {
        Refused(() => Guard(new OutboundOptions { OwnHost = "my-app.azurewebsites.net" }).Check(new Uri(url)));

        Assert.Equal(0, Resolver.Asked);
    }

    [Theory]
    [InlineData("http://127.0.0.1%00.example.com/")]
    [InlineData("http://127.0.0.1%2eexample.com/")]
    [InlineData("http://%31%32%37.0.0.1/")]
    [InlineData("http:\\\\127.0.0.1\\")]
    [InlineData("http://127.0.0.1\\@example.com/")]
    [InlineData("http://example.com\\@127.0.0.1/")]
    [InlineData("http://exa\tmple.com/")]
    [InlineData("http://example.com\r\nX-Injected: yes/")]
    [InlineData("http://example.com/\r\nX-Injected: yes")]
    [InlineData("http://127.0.0.1:80:80/")]
    [InlineData("http://example.com:65536/")]
    [InlineData("http:///127.0.0.1/")]
    [InlineData("http:127.0.0.1")]
    [InlineData("http://[::1")]
    [InlineData("http://.../")]
    [InlineData("example.com")]
    public void An_invalid_URL_is_an_input_error(string url)
    {
        Assert.Equal("url", Assert.Single(new FunctionsApp.Operations.HttpRequestInput(url).Check()).Property);
    }

    [Theory]
    [InlineData("https://example.com/")]
    [InlineData("HTTP://EXAMPLE.COM:8080/path?query#fragment")]
    [InlineData("https://example.com./")]
    [InlineData("https://example.com/?next=http://127.0.0.1/&user=a@b")]
    [InlineData("https://example.com/a@b")]
    [InlineData("https://example.com#@127.0.0.1/")]
    [InlineData("https://bücher.de/")]
    [InlineData("https://例え.jp/")]
    [InlineData("https://ทดสอบ.com/")]
    [InlineData("https://xn--bcher-kva.de/")]
    [InlineData("https://localhost.example.com/")]
    [InlineData("https://notlocal.network/")]
    [InlineData("https://internal.com/")]
    [InlineData("https://0x7f.example.com/")]
    [InlineData("https://127.0.0.1.nip.io/")]
    [InlineData("https://1.1.1.1/")]
    [InlineData("https://1.1.1.1./")]
    [InlineData("https://8.8.8.8:853/")]
    [InlineData("https://9.255.255.255/")]
    [InlineData("https://11.0.0.0/")]
    [InlineData("https://100.63.255.255/")]
    [InlineData("https://100.128.0.0/")]
    [InlineData("https://169.253.0.1/")]
    [InlineData("https://172.15.0.1/")]
    [InlineData("https://172.32.0.1/")]
    [InlineData("https://192.0.1.1/")]
    [InlineData("https://192.167.0.1/")]
    [InlineData("https://198.17.0.1/")]
    [InlineData("https://198.20.0.1/")]
    [InlineData("https://223.255.255.255/")]
    [InlineData("https://[2606:4700:4700::1111]/")]
    [InlineData("https://[2a00:1450:4001:82b::200e]:443/")]
    [InlineData("https://[2001:4860:4860::8888]/")]
    [InlineData("https://other-app.azurewebsites.net/")]
    public void A_public_URL_passes(string url)
    {
        Guard(new OutboundOptions { OwnHost = "my-app.azurewebsites.net" }).Check(new Uri(url));
    }

    [Theory]
    [InlineData("my-app.azurewebsites.net")]
    [InlineData("My-App.AzureWebsites.net:443")]
    public void The_app_does_not_call_itself_unless_it_is_allowed(string own)
    {
        var url = new Uri("https://my-app.AZUREWEBSITES.net./api/gather");

        Refused(() => Guard(new OutboundOptions { OwnHost = own }).Check(url));
        Guard(new OutboundOptions { OwnHost = own, AllowedHosts = ["my-app.azurewebsites.net"] }).Check(url);
    }

    [Theory]
    [InlineData("https://API.Example.com./api/gather", true)]
    [InlineData("http://api.example.com:8080/", true)]
    [InlineData("https://other.example.com:8443/", true)]
    [InlineData("https://other.example.com/", false)]
    [InlineData("https://8.8.4.4/", true)]
    [InlineData("https://0x08.8.1028/", true)]
    [InlineData("https://8.8.8.8/", false)]
    [InlineData("https://x.api.example.com/", false)]
    public void The_names_and_addresses_of_OwnHosts_are_the_app_itself(string url, bool isOwn)
    {
        var options = new OutboundOptions { OwnHosts = ["api.example.com", "other.example.com:8443", "8.8.4.4"] };

        if (isOwn)
        {
            Refused(() => Guard(options).Check(new Uri(url)));
            Guard(options with { AllowedHosts = ["api.example.com", "other.example.com", "8.8.4.4"] }).Check(new Uri(url));
        }
        else
        {
            Guard(options).Check(new Uri(url));
        }
    }

    [Fact]
    public async Task A_name_that_resolves_to_the_app_is_refused_at_connect_time()
    {
        Resolver.Answer("8.8.4.4");
        var guard = Guard(new OutboundOptions { OwnHosts = ["8.8.4.4"] });

        guard.Check(new Uri("https://example.com/"));
        await Assert.ThrowsAsync<DestinationRefusedException>(async () => await guard.ResolveAsync("example.com", 443, default));
    }

    [Theory]
    [InlineData("127.0.0.1", "http://127.0.0.1:8080/", true)]
    [InlineData("127.0.0.1", "http://0.0.0.0:8080/", true)]
    [InlineData("127.0.0.1", "http://127.0.0.1:8081/", false)]
    [InlineData("127.0.0.1", "http://127.0.0.2:8080/", false)]
    [InlineData("10.1.2.3", "http://10.1.2.3:8080/", true)]
    [InlineData("10.1.2.3", "http://127.0.0.1:8080/", false)]
    [InlineData("0.0.0.0", "http://127.0.0.1:8080/", true)]
    [InlineData("0.0.0.0", "http://127.255.0.9:8080/", true)]
    [InlineData("0.0.0.0", "http://127.0.0.1:8081/", false)]
    [InlineData("::", "http://127.0.0.1:8080/", true)]
    [InlineData("::", "http://[::1]:8080/", true)]
    public void An_allowed_network_does_not_include_the_apps_own_address(string listening, string url, bool isOwn)
    {
        var options = new OutboundOptions { AllowedHosts = ["0.0.0.0/0", "::/0"] };
        var app = Identity(options);
        app.Listen([new IPEndPoint(IPAddress.Parse(listening), 8080)]);

        if (isOwn)
        {
            Refused(() => Guard(options, app).Check(new Uri(url)));
            Guard(options with { AllowedHosts = [new Uri(url).Authority] }, app).Check(new Uri(url));
        }
        else
        {
            Guard(options, app).Check(new Uri(url));
        }
    }

    [Fact]
    public void Listening_on_any_address_includes_every_address_of_the_machine()
    {
        var options = new OutboundOptions { AllowedHosts = ["0.0.0.0/0"] };
        var app = Identity(options);
        app.Listen([new IPEndPoint(IPAddress.Any, 8080)]);

        foreach (var address in System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(static card => card.GetIPProperties().UnicastAddresses).Select(static unicast => unicast.Address).Where(static ip => !ip.ToString().Contains(':')))
        {
            Refused(() => Guard(options, app).Check(new Uri($"http://{address}:8080/")));
            Guard(options, app).Check(new Uri($"http://{address}:8081/"));
        }
    }

    [Fact]
    public void Every_refusal_of_a_host_has_the_same_text_and_the_name_as_written()
    {
        var guard = Guard(new OutboundOptions { OwnHost = "my-app.azurewebsites.net" });

        foreach (var host in new[] { "0x7f.1", "[::FFFF:127.0.0.1]", "Db.Internal", "redis", "My-App.azurewebsites.net", "１２７.0.0.1", "10.0.0.1" })
        {
            Assert.Equal(
                $"The host '{host}' is not allowed: it is not on the public Internet, and Outbound:AllowedHosts does not list it.",
                Refused(() => guard.Check(new Uri($"http://{host}:8080/path?secret#x"))));
        }
    }

    [Fact]
    public void A_refusal_does_not_repeat_a_password()
    {
        Assert.DoesNotContain("hunter2", Refused(() => Guard().Check(new Uri("http://me:hunter2@example.com/"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("::1")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("fd00:ec2::254")]
    [InlineData("8.8.8.8", "10.0.0.1")]
    [InlineData("2606:4700::1", "::1", "8.8.8.8")]
    public async Task A_name_is_refused_when_any_of_its_addresses_is_not_public(params string[] addresses)
    {
        Resolver.Answer(addresses);

        await Assert.ThrowsAsync<DestinationRefusedException>(async () => await Guard().ResolveAsync("example.com", 443, default));
    }

    [Fact]
    public async Task A_name_with_public_addresses_is_connected_only_at_these()
    {
        Resolver.Answer("8.8.8.8", "2606:4700:4700::1111");
        Resolver.Answer("10.0.0.1");

        Assert.Equal(["8.8.8.8", "2606:4700:4700::1111"], (await Guard().ResolveAsync("example.com", 443, default)).Select(static address => address.ToString()));
        Assert.Equal(1, Resolver.Asked);
    }

    [Theory]
    [InlineData("0x7f000001.")]
    [InlineData("127.0.0.1.")]
    [InlineData("::1")]
    public async Task A_literal_address_is_checked_again_at_connect_time(string host)
    {
        await Assert.ThrowsAsync<DestinationRefusedException>(async () => await Guard().ResolveAsync(host, 80, default));
        Assert.Equal(0, Resolver.Asked);
    }

    [Theory]
    [InlineData("db.internal", "http://db.internal/", true)]
    [InlineData("DB.internal.", "http://db.INTERNAL:81/", true)]
    [InlineData("db.internal", "http://db2.internal/", false)]
    [InlineData("db.internal", "http://x.db.internal/", false)]
    [InlineData("db.internal:8080", "http://db.internal:8080/", true)]
    [InlineData("db.internal:8080", "http://db.internal/", false)]
    [InlineData("db.internal:443", "https://db.internal/", true)]
    [InlineData("bücher.local", "http://xn--bcher-kva.local/", true)]
    [InlineData("localhost", "http://localhost/", true)]
    [InlineData("localhost", "http://127.0.0.1/", false)]
    [InlineData("127.0.0.1", "http://0x7f.1/", true)]
    [InlineData("127.0.0.1", "http://127.0.0.2/", false)]
    [InlineData("127.0.0.1:8080", "http://127.0.0.1:8080/", true)]
    [InlineData("127.0.0.1:8080", "http://127.0.0.1/", false)]
    [InlineData("10.0.0.0/8", "http://10.9.8.7/", true)]
    [InlineData("10.0.0.0/8", "http://11.0.0.1/", true)]
    [InlineData("10.0.0.0/8", "http://172.16.0.1/", false)]
    [InlineData("10.0.0.0/8", "http://[::ffff:10.0.0.1]/", false)]
    [InlineData("10.0.0.0/8:8080", "http://10.0.0.1:8080/", true)]
    [InlineData("10.0.0.0/8:8080", "http://10.0.0.1/", false)]
    [InlineData("fd12::/16", "http://[fd12::1]/", true)]
    [InlineData("fd12::/16", "http://[fd13::1]/", false)]
    [InlineData("[fd12::/16]:8080", "http://[fd12::1]:8080/", true)]
    [InlineData("[fd12::1]:8080", "http://[fd12::1]/", false)]
    [InlineData("::1", "http://[::1]/", true)]
    public void Only_listed_internal_hosts_are_allowed(string allowed, string url, bool passes)
    {
        var guard = Guard(new OutboundOptions { AllowedHosts = [allowed] });

        if (passes)
        {
            guard.Check(new Uri(url));
        }
        else
        {
            Refused(() => guard.Check(new Uri(url)));
        }
    }

    [Fact]
    public async Task A_listed_name_may_have_any_address_and_a_listed_network_any_name()
    {
        Resolver.Answer("10.1.2.3");
        var byName = Guard(new OutboundOptions { AllowedHosts = ["db.corp:5000"] });
        var byNetwork = Guard(new OutboundOptions { AllowedHosts = ["10.1.0.0/16:5000"] });

        Assert.Equal([IPAddress.Parse("10.1.2.3")], await byName.ResolveAsync("db.corp", 5000, default));
        Assert.Equal([IPAddress.Parse("10.1.2.3")], await byNetwork.ResolveAsync("db.corp", 5000, default));
        byNetwork.Check(new Uri("http://db.corp:5000/"));
        await Assert.ThrowsAsync<DestinationRefusedException>(async () => await byName.ResolveAsync("db.corp", 5001, default));
        await Assert.ThrowsAsync<DestinationRefusedException>(async () => await byName.ResolveAsync("other.corp", 5000, default));
        await Assert.ThrowsAsync<DestinationRefusedException>(async () => await byNetwork.ResolveAsync("db.corp", 5001, default));
    }

    [Theory]
    [InlineData("https://example.com/", true)]
    [InlineData("https://example.com:8443/", true)]
    [InlineData("http://example.com/", false)]
    [InlineData("https://example.com:22/", false)]
    [InlineData("http://10.0.0.1:5000/", true)]
    [InlineData("http://10.0.0.1/", false)]
    public void Only_ports_of_the_list_and_of_allowed_hosts_are_allowed(string url, bool passes)
    {
        var guard = Guard(new OutboundOptions { AllowedPorts = [443, 8443], AllowedHosts = ["10.0.0.1:5000"] });

        if (passes)
        {
            guard.Check(new Uri(url));
        }
        else
        {
            Assert.Contains("Outbound:AllowedPorts", Refused(() => guard.Check(new Uri(url))), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(22)]
    [InlineData(25)]
    [InlineData(53)]
    [InlineData(587)]
    [InlineData(2049)]
    [InlineData(6000)]
    [InlineData(6679)]
    [InlineData(10080)]
    public async Task A_port_of_another_protocol_is_refused_unless_a_setting_names_it(int port)
    {
        var url = new Uri($"https://example.com:{port}/");
        Resolver.Answer("8.8.8.8");

        Assert.StartsWith($"Port {port} of 'example.com' is not allowed", Refused(() => Guard().Check(url)), StringComparison.Ordinal);
        await Assert.ThrowsAsync<DestinationRefusedException>(async () => await Guard().ResolveAsync("example.com", port, default));
        Refused(() => Guard(new OutboundOptions { AllowedHosts = ["example.com"] }).Check(url));
        Refused(() => Guard(new OutboundOptions { AllowedHosts = ["10.0.0.0/8"] }).Check(new Uri($"http://10.0.0.1:{port}/")));
        Guard(new OutboundOptions { AllowedPorts = [port] }).Check(url);
        Guard(new OutboundOptions { AllowedHosts = [$"example.com:{port}"] }).Check(url);
    }

    [Theory]
    [InlineData(80)]
    [InlineData(443)]
    [InlineData(3000)]
    [InlineData(7071)]
    [InlineData(8080)]
    [InlineData(8443)]
    [InlineData(65535)]
    public void Every_other_port_is_allowed(int port) => Guard().Check(new Uri($"https://example.com:{port}/"));

    [Fact]
    public async Task A_port_of_one_network_is_not_allowed_for_others()
    {
        Resolver.Answer("8.8.8.8");
        var guard = Guard(new OutboundOptions { AllowedPorts = [443], AllowedHosts = ["10.0.0.1:5000"] });

        await Assert.ThrowsAsync<DestinationRefusedException>(async () => await guard.ResolveAsync("example.com", 5000, default));
    }
}
