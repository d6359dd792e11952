using FunctionsApp.IntegrationTests.Outbound;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>Where all tests are, those of requests of the app to others share a host and the servers that it calls.</summary>
public sealed partial class FunctionsAppCollection : ICollectionFixture<UpstreamFixture>;
